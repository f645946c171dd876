#!lua flags=allow-oom
-- fence: stops all claims until the sale is loaded again under this epoch.
-- KEYS 1 sale (hash)  2 winners (hash)  3 freed (list)  4 ledger (stream)  5 status (hash)  6 asked (hash)  ARGV 1 epoch
-- Returns CHANGED | UNCHANGED (the sale is fenced under this epoch already) | STALE_EPOCH (the sale has a newer epoch, or this
-- one is loaded: a rebuild needs a new epoch, because otherwise claims granted since the load would be forgotten)
-- A key of another type was written over by somebody. It is renamed to <key>:broken and kept for a week, for an operator to look at.
-- include: announce.lua
local TYPES = { 'hash', 'hash', 'list', 'stream', 'hash', 'hash' }
local function set_aside(i)
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'none' and kind ~= TYPES[i] then
    redis.call('RENAME', KEYS[i], KEYS[i] .. ':broken')
    redis.call('EXPIRE', KEYS[i] .. ':broken', 604800)
  end
end
set_aside(1)
local sale = redis.call('HMGET', KEYS[1], 'epoch', 'state', 'version')
-- PostgreSQL's epochs are integers that rise by one. Other values, and epochs a million ahead, are ignored (claim-numbers.ts).
local epoch = string.match(sale[1] or '', '^[1-9]%d*$') and tonumber(sale[1]) or 0
if epoch > ARGV[1] + 1000000 then
  epoch = 0
end
if epoch > tonumber(ARGV[1]) then
  return 'STALE_EPOCH'
end
if epoch == tonumber(ARGV[1]) and sale[2] ~= 'RECOVERING' then
  return 'STALE_EPOCH'
end
for i = 2, #KEYS do
  set_aside(i)
end
if epoch == tonumber(ARGV[1]) then
  return 'UNCHANGED'
end
if sale[3] and not (#sale[3] < 16 and string.match(sale[3], '^%d+$')) then
  redis.call('HDEL', KEYS[1], 'version')
end
redis.call('HSET', KEYS[1], 'state', 'RECOVERING', 'epoch', ARGV[1])
announce(KEYS[1], ARGV[1], redis.call('HINCRBY', KEYS[1], 'version', 1), 'RECOVERING', false)
return 'CHANGED'
