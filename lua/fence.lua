#!lua flags=allow-oom
-- fence: nobody may claim until the sale is loaded again under this epoch.
-- KEYS 1 sale  ARGV 1 epoch
-- Returns CHANGED | UNCHANGED (this epoch's fence stands already) | STALE_EPOCH (a newer one, or this one is loaded:
-- whoever wants to rebuild takes a new epoch, or claims granted since the load would be forgotten)
local sale = redis.call('HMGET', KEYS[1], 'epoch', 'state')
local epoch = tonumber(sale[1] or 0)
if epoch > tonumber(ARGV[1]) then
  return 'STALE_EPOCH'
end
if epoch == tonumber(ARGV[1]) then
  return sale[2] == 'RECOVERING' and 'UNCHANGED' or 'STALE_EPOCH'
end
redis.call('HSET', KEYS[1], 'state', 'RECOVERING', 'epoch', ARGV[1])
announce(KEYS[1], ARGV[1], redis.call('HINCRBY', KEYS[1], 'version', 1), 'RECOVERING', false)
return 'CHANGED'
