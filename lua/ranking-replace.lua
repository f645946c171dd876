-- ranking-replace: replaces a ranking by one that was counted in PostgreSQL, at once.
-- KEYS 1 ranks (sorted set: productId → pieces)  2 counted (when, milliseconds)
-- ARGV 1 when it was counted, milliseconds  2 seconds to keep it  3… productId, pieces, productId, pieces, …
-- Returns 1. Two gateways that count at the same time differ by seconds at most, so it does not matter which count stays.
redis.call("DEL", KEYS[1])
-- No single ZADD for all, because Lua's stack limits unpack().
for i = 3, #ARGV, 2 do
  redis.call("ZADD", KEYS[1], ARGV[i + 1], ARGV[i])
end
redis.call("EXPIRE", KEYS[1], ARGV[2])
redis.call("SET", KEYS[2], ARGV[1], "EX", ARGV[2])
return 1
