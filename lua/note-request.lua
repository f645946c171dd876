-- note-request: notes that a user asks for a coupon of a queued sale, before the log is told. One undecided request a user: who asked
-- before and is not decided gets that request again.
-- KEYS 1 winners (hash user → "slot requestId")  2 status (hash)  3 asked (hash user → "requestId", once the log has it
--      "requestId milliseconds")  4 sale (hash)
-- ARGV 1 userId  2 requestId  3 seconds that the notes live on  4 '1': a new request may be noted; '0': nobody may ask now
--      5 milliseconds after which the log is told of a request once more: the log keeps nothing for ever
-- Returns won slot requestId | noted | logged requestId (of before) | unlogged requestId (of before; the log may not have
--   it) | none (nothing of this user is there, and nothing may be noted) | broken (somebody wrote over what the user has won)
-- After a rebuild of the sale the log is told of a request once more, too: Redis may have forgotten that it was refused, and
-- then the decider says so again.
-- Any process may bring this script along: it decides nothing. A user whose request was decided may ask again under another request:
-- decide.lua takes the note away, and a note that an older version of it left behind is told by the request's status.
-- include: win-format.lua
local win = redis.call('HGET', KEYS[1], ARGV[1])
if win then
  if not string.find(win, WIN) then
    -- A sale that Redis does not have needs no mark.
    if redis.call('EXISTS', KEYS[4]) == 1 then
      redis.pcall('HSET', KEYS[4], 'broken', 'winners')
    end
    return 'broken'
  end
  return 'won ' .. win
end
local request, logged = string.match(redis.call('HGET', KEYS[3], ARGV[1]) or '', '^(%S+) ?(%d*)$')
-- What is no request of this sale was written by hand, and is no note.
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
