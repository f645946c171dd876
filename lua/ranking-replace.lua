-- ranking-replace: puts a ranking that was counted in PostgreSQL in place of the one before, at once.
-- KEYS 1 ranks (sorted set: productId → pieces)  2 counted (when, milliseconds)
-- ARGV 1 when it was counted, milliseconds  2 seconds to keep it  3… productId, pieces, productId, pieces, …
-- Returns 1. Two gateways that counted at once are seconds apart at most: whose count stays does not matter.
redis.call("DEL", KEYS[1])
-- Not one ZADD of all: unpack() is limited by Lua's stack.
for i = 3, #ARGV, 2 do
  redis.call("ZADD", KEYS[1], ARGV[i + 1], ARGV[i])
end
redis.call("EXPIRE", KEYS[1], ARGV[2])
redis.call("SET", KEYS[2], ARGV[1], "EX", ARGV[2])
return 1
