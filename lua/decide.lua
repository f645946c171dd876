-- decide: decides a batch of logged requests of one queued sale, atomically and in the order of the log.
-- KEYS 1 sale (hash)  2 winners (hash user → "slot requestId")  3 freed (list of slots)  4 ledger (stream)  5 status (hash)
--      6 asked (hash user → "requestId …", see note-request.lua; a caller of an earlier release does not pass it)
-- ARGV 1 seconds that the status hash lives, then per request (at most 1,000): userId, requestId,
--        time (LogAppendTime, milliseconds; '': the request was found to be within the sale's window before)
-- Returns one line of words: epoch state left, then
--   either one word for all, while nothing can be decided: NOT_LOADED | PAUSED
--   or per request: ACCEPTED slot ledgerId | ALREADY_WON slot requestId | OVERLOADED | a refusal
-- Refusals: contracts/claims/refusals.ts, or the reason that was stored when the request was first refused.
-- OVERLOADED: Redis is full, or somebody wrote over what the user has won (the sale is marked broken, and its loader rebuilds
-- it). The order of the log is the rule, so no request after an OVERLOADED one is decided before it.
-- A refusal is stored under its request id: a redelivery gets the same answer, even if a slot was freed meanwhile. The time is the
-- log's, so a sale that has ended still decides what was asked before its end. What an operator closed is ended for everybody.
-- A decided user may ask again: the user's note in `asked` is deleted.
-- include: announce.lua
-- include: win-format.lua
-- include: sale-refusal.lua
local sale = redis.call('HMGET', KEYS[1], 'runId', 'state', 'epoch', 'startsAt', 'endsAt', 'total', 'next')
-- include: sale-slots.lua
if not is_loaded then
  return '0 RECOVERING 0 ' .. REFUSED.NOT_LOADED
end
local waits = sale_refusal(state, nil, starts_at, ends_at)
if waits == REFUSED.PAUSED or waits == REFUSED.NOT_LOADED then
  return table.concat({ epoch, state, left, waits }, ' ')
end

local users, requests, count = {}, {}, (#ARGV - 1) / 3
for i = 1, count do
  users[i] = ARGV[3 * i - 1]
  requests[i] = ARGV[3 * i]
end
local held = redis.call('HMGET', KEYS[2], unpack(users))
local stored = redis.call('HMGET', KEYS[5], unpack(requests))
local noted = KEYS[6] and redis.call('HMGET', KEYS[6], unpack(users)) or {}
if free > 0 and left > 0 then
  local dropped
  freed, dropped = freed_slots(count, total)
  left = left - dropped
end
local reply, refusals, answered, full = { epoch, state, left }, {}, {}, false
local function say(word)
  reply[#reply + 1] = word
end

for i = 1, count do
  local user, request = users[i], requests[i]
  local known = string.match(stored[i] or '', '^FAILED ([A-Z_]+)')
  local earlier = held[i] or won[user]
  if noted[i] and string.sub(noted[i], 1, #request) == request then
    answered[#answered + 1] = user
  end
  if full then
    say(REFUSED.OVERLOADED)
  elseif known then
    say(known)
  elseif earlier and not string.find(earlier, WIN) then
    -- Only the rebuilt sale knows what this user has won, so no later request is decided before that.
    redis.pcall('HSET', KEYS[1], 'broken', 'winners')
    full = true
    say(REFUSED.OVERLOADED)
  elseif earlier then
    say('ALREADY_WON')
    say(earlier)
  else
    local refusal = sale_refusal(state, tonumber(ARGV[3 * i + 1]), starts_at, ends_at)
    if not refusal then
      -- include: grant-slot.lua
      if slot then
        say(code)
        say(slot)
        say(entry)
      elseif code == REFUSED.OVERLOADED then
        full = true
        say(code)
      else
        refusal = code
      end
    end
    if refusal then
      say(refusal)
      refusals[#refusals + 1] = request
      refusals[#refusals + 1] = 'FAILED ' .. refusal .. ' ' .. user
    end
  end
end

-- include: save-grants.lua
reply[3] = left
if #refusals > 0 then
  redis.call('HSET', KEYS[5], unpack(refusals))
  redis.call('EXPIRE', KEYS[5], ARGV[1])
end
if #answered > 0 and not full then
  redis.call('HDEL', KEYS[6], unpack(answered))
end
return table.concat(reply, ' ')
