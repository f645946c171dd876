#!lua flags=allow-oom
-- admission-release: releases what orders hold. For an order that holds nothing it is a no-op.
-- KEYS 1 taken (hash)  2 held (hash)
-- ARGV orderIds
-- Returns how many orders held something.
local released = 0
for _, orderId in ipairs(ARGV) do
  local text = redis.call('HGET', KEYS[2], orderId)
  if text then
    local words = {}
    for word in string.gmatch(text, '%S+') do words[#words + 1] = word end
    for i = 3, #words, 2 do
      if redis.call('HINCRBY', KEYS[1], words[i], -words[i + 1]) <= 0 then redis.call('HDEL', KEYS[1], words[i]) end
    end
    redis.call('HDEL', KEYS[2], orderId)
    released = released + 1
  end
end
return released
