-- announce (included by every script that changes what a gateway must know): tells all gateways on the channel `sales`.
-- script-includes.ts puts SALES_CHANNEL before this text. Readers order announcements by epoch, then by version.
-- more: further members of the JSON object, starting with a comma
local function announce(sale, epoch, version, state, soldOut, more)
  redis.call('PUBLISH', SALES_CHANNEL, '{"couponId":"' .. string.match(sale, '^{c:([^}]*)}') ..
    '","epoch":' .. epoch .. ',"version":' .. version .. ',"state":"' .. state .. '","soldOut":' .. tostring(soldOut) ..
    (more or '') .. '}')
end
