-- order-place: assigns an order to a user's Idempotency-Key, once, and writes the order into the ledger.
-- KEYS 1 key (string: orderId)  2 order (string: its ledger id)  3 ledger (stream)
--      4 open (sorted set: `orderId ledgerId`, scored by when it was placed)
--      5 cart (hash: orderId → `productId quantity …`, n → how many there have been)
-- ARGV 1 orderId  2 userId  3 OrderCreated as JSON  4 seconds that the key is remembered  5 when it was placed, milliseconds
--      6 the most open orders that a user may have  7 what it takes out of the cart, as the hash keeps it, or ''
--      8 with 7: the n of the cart hash when the lines were read ('': there was none)
-- Returns {code, event}; code is a ResultCode (contracts/wire/result-codes.ts):
--   ACCEPTED                '' : this call placed it
--   REPEATED                the event as it was placed, or '' if PostgreSQL has it (it has left the ledger)
--   IDEMPOTENCY_KEY_REUSED  '' : the key belongs to another order
--   TOO_MANY_ORDERS         '' : ARGV 6 orders of this user already wait for PostgreSQL
--   CART_CHANGED            '' : another order changed the cart meanwhile
-- order-acknowledge.lua deletes all of it once PostgreSQL has the order. A waiting order never expires: after days without Kafka an
-- order must still be known. The lifetimes here only limit what an acknowledgement by an earlier release does not delete.
local function event(ledgerId)
  local found = redis.call('XRANGE', KEYS[3], ledgerId, ledgerId)
  return found[1] and found[1][2][6] or ''
end
local known = redis.call('GET', KEYS[1])
if known and known ~= ARGV[1] then return {'IDEMPOTENCY_KEY_REUSED', ''} end
local ledgerId = redis.call('GET', KEYS[2])
if ledgerId then return {'REPEATED', event(ledgerId)} end
if known then return {'REPEATED', ''} end
if redis.call('ZCARD', KEYS[4]) >= tonumber(ARGV[6]) then
  -- Consumers of an earlier release delete an order from the ledger but not from this set. Only the oldest 100 are checked, so that a
  -- refusal stays cheap: waiting orders leave in this order too.
  for _, member in ipairs(redis.call('ZRANGE', KEYS[4], 0, 99)) do
    local order, entry = string.match(member, '^(%S+) (%d+%-%d+)$')
    if not order or #redis.call('XRANGE', KEYS[3], entry, entry) == 0 then
      redis.call('ZREM', KEYS[4], member)
      if order then redis.call('HDEL', KEYS[5], order) end
    end
  end
  if redis.call('ZCARD', KEYS[4]) >= tonumber(ARGV[6]) then return {'TOO_MANY_ORDERS', ''} end
end
local takesCart = ARGV[7] ~= ''
if takesCart and (redis.call('HGET', KEYS[5], 'n') or '') ~= ARGV[8] then return {'CART_CHANGED', ''} end
-- The first write, because Redis rolls nothing back: an entry without a key is still delivered, a key without an entry is not.
ledgerId = redis.call('XADD', KEYS[3], '*', 'o', ARGV[1], 'u', ARGV[2], 'e', ARGV[3])
redis.call('SET', KEYS[2], ledgerId)
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[4])
redis.call('ZADD', KEYS[4], ARGV[5], ARGV[1] .. ' ' .. ledgerId)
redis.call('EXPIRE', KEYS[4], ARGV[4])
if takesCart then
  redis.call('HSET', KEYS[5], ARGV[1], ARGV[7])
  redis.call('HINCRBY', KEYS[5], 'n', 1)
  redis.call('EXPIRE', KEYS[5], ARGV[4])
end
return {'ACCEPTED', ''}
