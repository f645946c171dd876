#!lua flags=allow-oom
-- admission-load: PostgreSQL's stock takes the place of what was known, and orders that need not be held any more are
-- let go, both of the same snapshot and at once: in between, a piece would be counted twice or not at all.
-- KEYS 1 stock (hash)  2 taken (hash)  3 held (hash)
-- ARGV 1 how many orders are let go  2… their orderIds, then productId, stock, productId, stock, … (all flash products)
-- Returns how many orders were let go.
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
