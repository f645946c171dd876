-- announce (part of every script that changes what a gate must know): tells all gateways on the channel `sales`.
-- SALES_CHANNEL comes with the rendered text (sale-script-text.ts). A reader orders announcements by epoch, then version.
-- more: further members of the JSON, beginning with a comma
local function announce(sale, epoch, version, state, soldOut, more)
  redis.call('PUBLISH', SALES_CHANNEL, '{"couponId":"' .. string.match(sale, '^{c:([^}]*)}') ..
    '","epoch":' .. epoch .. ',"version":' .. version .. ',"state":"' .. state .. '","soldOut":' .. tostring(soldOut) ..
    (more or '') .. '}')
end
