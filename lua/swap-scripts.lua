#!lua flags=allow-oom
-- swap-scripts: replaces the scripts of a loaded sale by those of another release, without a fence.
-- KEYS 1 sale  2 freed
-- ARGV 1 epoch, then field, SHA, field, SHA, … of the scripts; they are loaded on this server already
-- Returns CHANGED | UNCHANGED | NOT_LOADED (not loaded by this server process, or being rebuilt) | STALE_EPOCH
-- The script cache stays the fence: like every script of a sale this one works only on the server process whose run_id is in its
-- text, and it asks the server for its run_id, as load-sale.lua does. The replaced scripts stay in the server's cache, so a
-- gateway that has not heard of the change yet goes on with them.
-- include: announce.lua
if string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') ~= RUN_ID then
  return 'NOT_LOADED'
end
local sale = redis.call('HMGET', KEYS[1], 'runId', 'state', 'epoch', 'version', 'total', 'next')
if sale[1] ~= RUN_ID or sale[2] == 'RECOVERING' then
  return 'NOT_LOADED'
end
if sale[3] ~= ARGV[1] then
  return 'STALE_EPOCH'
end
local changed = false
for i = 2, #ARGV, 2 do
  changed = changed or redis.call('HGET', KEYS[1], ARGV[i]) ~= ARGV[i + 1]
end
if not changed then
  return 'UNCHANGED'
end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
local soldOut = sale[5] - sale[6] + redis.call('LLEN', KEYS[2]) == 0
announce(KEYS[1], sale[3], sale[4], sale[2], soldOut, ',"scripts":true')
return 'CHANGED'
