#!lua flags=allow-oom
-- ack: claims that PostgreSQL holds leave the ledger and are ISSUED.
-- KEYS 1 sale  2 ledger  3 status
-- ARGV 1 seconds that the status hash lives on, then per claim: ledgerId, requestId, slot (at most 500 claims)
-- Returns ACKNOWLEDGED | NOT_LOADED (the entries stay; the relay meets them again)
-- An id that is gone already (a redelivery, or '0-0' of a claim that never had an entry here) does no harm.
local sale = redis.call('HMGET', KEYS[1], 'runId', 'state')
if sale[1] ~= RUN_ID or sale[2] == 'RECOVERING' then
  return 'NOT_LOADED'
end
local ids, status = {}, {}
for i = 2, #ARGV, 3 do
  ids[#ids + 1] = ARGV[i]
  status[#status + 1] = ARGV[i + 1]
  status[#status + 1] = 'ISSUED ' .. ARGV[i + 2]
end
redis.call('XDEL', KEYS[2], unpack(ids))
redis.call('HSET', KEYS[3], unpack(status))
redis.call('EXPIRE', KEYS[3], ARGV[1])
return 'ACKNOWLEDGED'
