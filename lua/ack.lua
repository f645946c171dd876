#!lua flags=allow-oom
-- ack: removes claims that PostgreSQL holds from the ledger and makes them ISSUED.
-- KEYS 1 sale  2 ledger  3 status
-- ARGV 1 seconds that the status hash lives on, then per claim: ledgerId, requestId, slot (at most 500 claims)
-- Returns NOT_LOADED (the entries stay, and the relay sends them again), or
--   ACKNOWLEDGED, then requestId and reason of each claim that is FAILED
-- An id without an entry (a redelivery, or '0-0' of a claim that never had an entry here) is a no-op. If another claim has the id,
-- its entry stays: that claim may exist nowhere else. A Redis that lost its last entries, or whose clock is behind, may give an
-- id a second time, so entries are compared after the sale was rebuilt (epoch 2 and later). Before that no other claim can
-- have the id, and the comparison would double the script's cost.
-- FAILED is final. A claim that was revoked while its ISSUED message was on its way stays FAILED, and the caller tells its
-- owner FAILED once more, because otherwise ISSUED would be the last message. If the caller's process dies before that, the ledger entry is
-- still there for the relay, or the record is still in the log for the next consumer.
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
