#!lua flags=allow-oom
-- load-sale: puts a snapshot in place that the loader has written under shadow keys, all at once or not at all.
-- KEYS 1 sale  2 winners  3 freed  4 ledger  5 shadow winners  6 shadow freed
-- ARGV 1 epoch  2 number of winners  3 number of freed slots  4 KEEP or DROP (the surviving ledger)
--      5… field, value, … of the sale hash, without epoch and version
-- Returns LOADED | STALE_EPOCH (a newer fence, or the fence is gone: begin again with a new epoch) | STALE_RUN_ID
-- The script asks the server for its run_id: after a restart between the loader's INFO and its SCRIPT LOAD the sale would otherwise
-- be loaded with the id of a server process that has ended.
-- Another loader of the same epoch may have been faster: then claims may have been granted, and nothing is changed.
-- include: announce.lua
local function give_up(code)
  redis.call('UNLINK', KEYS[5], KEYS[6])
  return code
end
if string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') ~= RUN_ID then
  return give_up('STALE_RUN_ID')
end
local sale = redis.call('HMGET', KEYS[1], 'epoch', 'state', 'version', 'runId')
if sale[1] ~= ARGV[1] then
  return give_up('STALE_EPOCH')
end
if sale[2] ~= 'RECOVERING' then
  return give_up(sale[4] == RUN_ID and 'LOADED' or 'STALE_RUN_ID')
end
if redis.call('HLEN', KEYS[5]) ~= tonumber(ARGV[2]) or redis.call('LLEN', KEYS[6]) ~= tonumber(ARGV[3]) then
  give_up()
  return redis.error_reply('SHADOW of the sale is not what the loader wrote')
end

redis.call('UNLINK', KEYS[2], KEYS[3])
for i = 2, 3 do
  if redis.call('EXISTS', KEYS[i + 3]) == 1 then
    redis.call('RENAME', KEYS[i + 3], KEYS[i])
    redis.call('PERSIST', KEYS[i])
  end
end
if ARGV[4] == 'DROP' then
  redis.call('UNLINK', KEYS[4])
end
local version = (tonumber(sale[3]) or 0) + 1
redis.call('UNLINK', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'version', version, unpack(ARGV, 5))
local now = redis.call('HMGET', KEYS[1], 'state', 'total', 'next')
announce(KEYS[1], ARGV[1], version, now[1], now[2] - now[3] + tonumber(ARGV[3]) == 0)
return 'LOADED'
