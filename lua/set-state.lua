#!lua flags=allow-oom
-- set-state: sets the state of a loaded sale (OPEN, PAUSED or CLOSED, by an operator) and its window.
-- KEYS 1 sale  2 freed
-- ARGV 1 state  2 startsAt  3 endsAt (milliseconds; '' keeps the present value)
-- Returns CHANGED | UNCHANGED | NOT_LOADED (a sale in recovery gets its state from the load)
-- include: announce.lua
local sale = redis.call('HMGET', KEYS[1], 'runId', 'state', 'epoch', 'startsAt', 'endsAt', 'total', 'next')
if sale[1] ~= RUN_ID or sale[2] == 'RECOVERING' then
  return 'NOT_LOADED'
end
local startsAt = ARGV[2] ~= '' and ARGV[2] or sale[4]
local endsAt = ARGV[3] ~= '' and ARGV[3] or sale[5]
if sale[2] == ARGV[1] and sale[4] == startsAt and sale[5] == endsAt then
  return 'UNCHANGED'
end
redis.call('HSET', KEYS[1], 'state', ARGV[1], 'startsAt', startsAt, 'endsAt', endsAt)
local soldOut = sale[6] - sale[7] + redis.call('LLEN', KEYS[2]) == 0
announce(KEYS[1], sale[3], redis.call('HINCRBY', KEYS[1], 'version', 1), ARGV[1], soldOut)
return 'CHANGED'
