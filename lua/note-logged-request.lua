#!lua flags=allow-oom
-- note-logged-request: notes that Kafka's log has a request of a queued sale. Its owner may be told PENDING, and it need not be logged again.
-- KEYS 1 winners (hash user → "slot requestId")  2 status (hash)  3 asked (hash, see note-request.lua)
-- ARGV 1 userId  2 requestId  3 seconds that the notes live  4 the status of an undecided request
-- Returns noted | decided (nothing is changed: the request was decided already)
-- A note that Redis lost meanwhile is written again. A note of another request of the same user stays: both are in the log.
redis.call('HSETNX', KEYS[2], ARGV[2], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[3])
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 or redis.call('HGET', KEYS[2], ARGV[2]) ~= ARGV[4] then
  return 'decided'
end
local noted = redis.call('HGET', KEYS[3], ARGV[1])
if not noted or string.match(noted, '^%S+') == ARGV[2] then
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[2] .. ' ' .. string.format('%.0f', time[1] * 1000 + time[2] / 1000))
  redis.call('EXPIRE', KEYS[3], ARGV[3])
end
return 'noted'
