#!lua flags=allow-oom
-- release: takes back a claim whose tombstone PostgreSQL holds, or gives up a slot that another user holds in PostgreSQL.
-- KEYS 1 sale  2 winners  3 freed  4 ledger  5 status
-- ARGV 1 userId  2 requestId  3 epoch of the claim  4 FREE (the slot goes out again) or DISCARD (it never does)
--      5 reason for the status, '' for none  6 ledgerId, '' if unknown  7 seconds that the status hash lives on
-- Returns RELEASED | NOT_HELD (the user holds nothing, or under another request) | STALE_EPOCH | NOT_LOADED
-- The winner entry is deleted before the slot is freed, so that a second release finds nothing and no slot is freed twice.
-- Status and ledger entry are written even if the user held nothing: the tombstone is committed, and a claim from before a
-- rebuild has only these two. The entry is compared, because its id could belong to another claim.
-- include: announce.lua
local sale = redis.call('HMGET', KEYS[1], 'runId', 'state', 'epoch')
if sale[1] ~= RUN_ID or sale[2] == 'RECOVERING' then
  return 'NOT_LOADED'
end

local code = 'NOT_HELD'
if sale[3] ~= ARGV[3] then
  code = 'STALE_EPOCH'
else
  local winner = redis.call('HGET', KEYS[2], ARGV[1])
  local slot, request = string.match(winner or '', '^(%d+) (.+)$')
  if request == ARGV[2] then
    redis.call('HDEL', KEYS[2], ARGV[1])
    if ARGV[4] == 'FREE' then
      redis.call('RPUSH', KEYS[3], slot)
      announce(KEYS[1], sale[3], redis.call('HINCRBY', KEYS[1], 'version', 1), sale[2], false)
    end
    code = 'RELEASED'
  end
end

if ARGV[6] ~= '' then
  local entry = redis.call('XRANGE', KEYS[4], ARGV[6], ARGV[6])[1]
  if entry and entry[2][3] == 'r' and entry[2][4] == ARGV[2] then
    redis.call('XDEL', KEYS[4], ARGV[6])
  end
end
if ARGV[5] ~= '' then
  redis.call('HSET', KEYS[5], ARGV[2], 'FAILED ' .. ARGV[5])
  redis.call('EXPIRE', KEYS[5], ARGV[7])
end
return code
