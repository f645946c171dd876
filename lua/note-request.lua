-- note-request: notes a user's request for a coupon of a queued sale, before it goes to Kafka's log. A user has one undecided request:
-- asking again returns the same one.
-- KEYS 1 winners (hash user → "slot requestId")  2 status (hash)  3 asked (hash user → "requestId", once the log has it
--      "requestId milliseconds")  4 sale (hash)
-- ARGV 1 userId  2 requestId  3 seconds that the notes live  4 '1': a new request may be noted; '0': the sale takes no requests now
--      5 milliseconds after which a request is logged once more, because Kafka's retention deletes records
-- Returns won slot requestId | noted | logged requestId (an earlier request) | unlogged requestId (an earlier request that may not be
--   in the log) | none (this user has nothing, and nothing may be noted) | broken (somebody wrote over what the user has won)
-- After a rebuild of the sale a request is logged once more too: Redis may have lost the refusal, and role coupon-decide then
-- repeats it.
-- Any process may load this script, because it decides nothing. A user whose request was decided may ask again under a new request id:
-- decide.lua deletes the note. A note that an older release's decide.lua left is recognised by the request's status.
-- include: win-format.lua
local win = redis.call('HGET', KEYS[1], ARGV[1])
if win then
  if not string.find(win, WIN) then
    -- If Redis does not have the sale, no mark is needed.
    if redis.call('EXISTS', KEYS[4]) == 1 then
      redis.pcall('HSET', KEYS[4], 'broken', 'winners')
    end
    return 'broken'
  end
  return 'won ' .. win
end
local request, logged = string.match(redis.call('HGET', KEYS[3], ARGV[1]) or '', '^(%S+) ?(%d*)$')
-- A value that is no request id of this sale was written by hand and does not count.
local length = #ARGV[2]
if request and (#request ~= length or string.sub(request, 1, 13) ~= string.sub(ARGV[2], 1, 13)
  or string.find(request, '[^0-9a-z]', 14)) then
  request = nil
end
local status = request and redis.call('HGET', KEYS[2], request) or ''
if request and not string.match(status, '^FAILED') and not string.match(status, '^ISSUED') then
  local time = redis.call('TIME')
  local oldest = math.max(time[1] * 1000 - ARGV[5], redis.call('HGET', KEYS[4], 'rebuiltAt') or 0)
  local is_fresh = logged ~= '' and tonumber(logged) > oldest
  return (is_fresh and 'logged ' or 'unlogged ') .. request
end
if ARGV[4] ~= '1' then
  return 'none'
end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[3], ARGV[3])
return 'noted'
