#!lua flags=allow-oom
-- admission-load: replaces the known stock by PostgreSQL's, and releases orders that are in that stock. Both come from one snapshot and
-- are written at once: otherwise a piece would be counted twice or not at all in between.
-- KEYS 1 stock (hash)  2 taken (hash)  3 held (hash)
-- ARGV 1 how many orders are released  2… their orderIds, then productId, stock, productId, stock, … (all flash products)
-- Returns how many orders were released.
local last = 1 + tonumber(ARGV[1])
local gone = 0
for i = 2, last do
  local text = redis.call('HGET', KEYS[3], ARGV[i])
  if text then
    local words = {}
    for word in string.gmatch(text, '%S+') do words[#words + 1] = word end
    for j = 3, #words, 2 do
      if redis.call('HINCRBY', KEYS[2], words[j], -words[j + 1]) <= 0 then redis.call('HDEL', KEYS[2], words[j]) end
    end
    redis.call('HDEL', KEYS[3], ARGV[i])
    gone = gone + 1
  end
end
redis.call('DEL', KEYS[1])
for i = last + 1, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
return gone
