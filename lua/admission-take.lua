-- admission-take: holds the pieces of an order's flash lines: of all lines or of none.
-- KEYS 1 stock (hash)  2 taken (hash)  3 held (hash)
-- ARGV 1 orderId  2 userId  3… productId, quantity, productId, quantity, … (each product once)
-- Returns '' when the order is admitted (now or before), else the first product of which there is not enough.
-- A product that is not loaded admits every order: PostgreSQL decides later, and this script only refuses hopeless orders early.
if redis.call('HEXISTS', KEYS[3], ARGV[1]) == 1 then return '' end
for i = 3, #ARGV, 2 do
  local stock = redis.call('HGET', KEYS[1], ARGV[i])
  if stock then
    local taken = redis.call('HGET', KEYS[2], ARGV[i]) or '0'
    if tonumber(stock) - tonumber(taken) < tonumber(ARGV[i + 1]) then return ARGV[i] end
  end
end
local time = redis.call('TIME')
local ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local lines = { ms, ARGV[2] }
for i = 3, #ARGV do lines[i] = ARGV[i] end
-- The first write, because a held order can be released later. Pieces that are only counted in `taken` could not.
redis.call('HSET', KEYS[3], ARGV[1], table.concat(lines, ' '))
for i = 3, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[2], ARGV[i], ARGV[i + 1])
end
return ''
