#!lua flags=allow-oom
-- replace-winner: makes an older request the winner. PostgreSQL holds that claim of the user, so Redis has forgotten it.
-- KEYS 1 sale  2 winners  3 freed
-- ARGV 1 userId  2 requestId that Redis granted  3 requestId that PostgreSQL holds  4 its slot
--      5 FREE (the granted slot goes out again) or DISCARD (PostgreSQL holds it for another user)
-- Returns CHANGED | NOT_HELD (Redis holds another request of this user) | NOT_LOADED
-- The older slot is removed from the list of freed slots, if it is there.
-- include: announce.lua
local sale = redis.call('HMGET', KEYS[1], 'runId', 'state', 'epoch')
if sale[1] ~= RUN_ID or sale[2] == 'RECOVERING' then
  return 'NOT_LOADED'
end
local winner = redis.call('HGET', KEYS[2], ARGV[1])
local slot, request = string.match(winner or '', '^(%d+) (.+)$')
if request ~= ARGV[2] then
  return 'NOT_HELD'
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[4] .. ' ' .. ARGV[3])
redis.call('LREM', KEYS[3], 0, ARGV[4])
if ARGV[5] == 'FREE' and slot ~= ARGV[4] then
  redis.call('RPUSH', KEYS[3], slot)
  announce(KEYS[1], sale[3], redis.call('HINCRBY', KEYS[1], 'version', 1), sale[2], false)
end
return 'CHANGED'
