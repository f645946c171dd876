-- order-acknowledge: removes orders that PostgreSQL has from the ledger and from the lists of open orders. Their idempotency keys, and the
-- count of a cart's orders, stay a little longer, for requests that read PostgreSQL just before it had the order.
-- KEYS 1 ledger (stream)  then for each order: order (string: its ledger id), key (string: orderId),
--      open (sorted set: `orderId ledgerId`), cart (hash by orderId, and n)
-- ARGV 1 seconds that these stay  then for each order: ledger id, orderId
-- Returns how many entries were there.
-- An entry of another order stays: a Redis that lost its last entries may give an id a second time. The order's key shows whose
-- entry it is. Only without the key is the entry read, because reading every entry costs 5 µs an order.
local function is_of(orderId, ledgerId)
  local entry = redis.call('XRANGE', KEYS[1], ledgerId, ledgerId)[1]
  return entry and entry[2][1] == 'o' and entry[2][2] == orderId
end
local removed = 0
for i = 2, #ARGV, 2 do
  local ledgerId, orderId = ARGV[i], ARGV[i + 1]
  local order, key, open, cart = unpack(KEYS, i * 2 - 2, i * 2 + 1)
  local current = redis.call('GET', order)
  if current == ledgerId or is_of(orderId, ledgerId) then
    removed = removed + redis.call('XDEL', KEYS[1], ledgerId)
  end
  redis.call('ZREM', open, orderId .. ' ' .. ledgerId)
  -- Another id: the order was placed again after its key had expired, and that entry is not acknowledged here.
  if not current or current == ledgerId then
    redis.call('DEL', order)
    if redis.call('HDEL', cart, orderId) == 1 and redis.call('HLEN', cart) == 1 then
      redis.call('EXPIRE', cart, ARGV[1])
    end
    if redis.call('GET', key) == orderId then redis.call('EXPIRE', key, ARGV[1]) end
  end
end
return removed
