#!lua flags=allow-oom
-- ack: claims that PostgreSQL holds leave the ledger and are ISSUED.
-- KEYS 1 sale  2 ledger  3 status
-- ARGV 1 seconds that the status hash lives on, then per claim: ledgerId, requestId, slot (at most 500 claims)
-- Returns NOT_LOADED (the entries stay; the relay meets them again), or
--   ACKNOWLEDGED, then requestId and reason of each claim that is FAILED
-- An id that is gone already (a redelivery, or '0-0' of a claim that never had an entry here) does no harm. An id under which
-- another claim stands stays where it is: that claim may be nowhere else. A Redis that lost its last entries, or one whose clock is
-- behind, may give an id a second time; so entries are compared once the sale was rebuilt (epoch 2 and later). Before that
-- nobody else can have the id, and the comparison would cost as much as all the rest.
-- FAILED is final: a claim that was revoked while its news were on their way stays FAILED, and its owner must be told so
-- once more; or ISSUED, sent a moment too late, would be the last word they heard. That is for the caller to do; should it
-- die before that, the entry is still there for the relay, or the record for the next one who reads the log.
local sale = redis.call('HMGET', KEYS[1], 'runId', 'state', 'epoch')
if sale[1] ~= RUN_ID or sale[2] == 'RECOVERING' then
  return 'NOT_LOADED'
end
local wasRebuilt = sale[3] ~= '1'
local function stands_there(id, request)
  local entry = redis.call('XRANGE', KEYS[2], id, id)[1]
  return entry and entry[2][3] == 'r' and entry[2][4] == request
end
local requests = {}
for i = 3, #ARGV, 3 do
  requests[#requests + 1] = ARGV[i]
end
local known = redis.call('HMGET', KEYS[3], unpack(requests))
local ids, status, reply = {}, {}, { 'ACKNOWLEDGED' }
for i, request in ipairs(requests) do
  local reason = known[i] and string.match(known[i], '^FAILED (%S+)')
  if reason then
    reply[#reply + 1] = request
    reply[#reply + 1] = reason
  else
    local id = ARGV[3 * i - 1]
    if not wasRebuilt or stands_there(id, request) then
      ids[#ids + 1] = id
    end
    status[#status + 1] = request
    status[#status + 1] = 'ISSUED ' .. ARGV[3 * i + 1]
  end
end
if #ids > 0 then
  redis.call('XDEL', KEYS[2], unpack(ids))
end
if #status > 0 then
  redis.call('HSET', KEYS[3], unpack(status))
  redis.call('EXPIRE', KEYS[3], ARGV[1])
end
return table.concat(reply, ' ')
