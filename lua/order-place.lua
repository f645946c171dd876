-- order-place: gives a user's Idempotency-Key its order, once, and writes the order into the ledger.
-- KEYS 1 key (string: orderId)  2 order (string: its ledger id)  3 ledger (stream)
-- ARGV 1 orderId  2 userId  3 OrderCreated as JSON  4 seconds that the key is remembered
-- Returns {code, event}; code is a ResultCode (contracts/result-codes.ts):
--   ACCEPTED                '' : this call placed it
--   REPEATED                event as it was placed, or '' when PostgreSQL has it (the ledger gave it up)
--   IDEMPOTENCY_KEY_REUSED  '' : the key stands for another order
-- The order has no lifetime: a Kafka that is away for days must not make it unknown. Whoever takes it out of the ledger
-- deletes it (order-acknowledge.lua).
local function event(ledgerId)
  local found = redis.call('XRANGE', KEYS[3], ledgerId, ledgerId)
  return found[1] and found[1][2][6] or ''
end
local known = redis.call('GET', KEYS[1])
if known and known ~= ARGV[1] then return {'IDEMPOTENCY_KEY_REUSED', ''} end
local ledgerId = redis.call('GET', KEYS[2])
if ledgerId then return {'REPEATED', event(ledgerId)} end
if known then return {'REPEATED', ''} end
-- First of the writes, because Redis rolls nothing back: an entry without a key is delivered, a key without an entry is not.
ledgerId = redis.call('XADD', KEYS[3], '*', 'o', ARGV[1], 'u', ARGV[2], 'e', ARGV[3])
redis.call('SET', KEYS[2], ledgerId)
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[4])
return {'ACCEPTED', ''}
