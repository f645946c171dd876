-- order-acknowledge: takes orders that PostgreSQL has out of the ledger. Their keys stay for the rest of their time, so
-- that a repeated request finds its order.
-- KEYS 1 ledger (stream)  2… order (string: its ledger id), one for each
-- ARGV ledger ids, in the same order
-- Returns how many entries were there.
local removed = 0
for i, ledgerId in ipairs(ARGV) do
  removed = removed + redis.call('XDEL', KEYS[1], ledgerId)
  -- Another id: the order was placed a second time after its key had expired; that entry is not ours.
  if redis.call('GET', KEYS[i + 1]) == ledgerId then redis.call('DEL', KEYS[i + 1]) end
end
return removed
