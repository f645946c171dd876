-- decide: decides a batch of logged requests of one queued sale, atomically and in the order of the log.
-- KEYS 1 sale (hash)  2 winners (hash user → "slot requestId")  3 freed (list of slots)  4 ledger (stream)  5 status (hash)
--      6 asked (hash user → "requestId …", see note-request.lua; absent: the caller is older than the key)
-- ARGV 1 seconds that the status hash lives on, then per request (at most 1,000): userId, requestId,
--        time (LogAppendTime, milliseconds; '': it lay within the sale's window when it was decided before)
-- Returns one line of words: epoch state left, then
--   either one word for all, while the sale is not there to decide: NOT_LOADED | PAUSED
--   or per request: ACCEPTED slot ledgerId | ALREADY_WON slot requestId | OVERLOADED
--     or why it is refused: SOLD_OUT | NOT_STARTED | ENDED | the reason that was remembered
-- OVERLOADED: Redis is full, or somebody wrote over what the user has won (the sale is marked broken, and its loader rebuilds it).
-- The log's order is the rule, so nobody behind an OVERLOADED request is decided before it. A refusal is remembered by its
-- request id: a redelivery gets the same answer, although a slot may have come back meanwhile. The log knows when somebody
-- asked, so a sale that has ended still decides what was asked before; what an operator closed is ended for everybody.
-- Who is decided may ask anew: their note in `asked` goes.
-- NOT_LOADED too while somebody's garbage stands in `epoch` or `next`, as in claim.lua.
local sale = redis.call('HMGET', KEYS[1], 'runId', 'state', 'epoch', 'startsAt', 'endsAt', 'total', 'next')
local state, epoch, startsAt, endsAt = sale[2], sale[3], tonumber(sale[4]), tonumber(sale[5])
local total, fresh = tonumber(sale[6]), tonumber(sale[7])
if sale[1] ~= RUN_ID
  or not (epoch and string.find(epoch, '^[1-9]%d*$') and (#epoch < 10 or tonumber(epoch) <= 2147483647))
  or not (total and fresh and fresh >= 0 and fresh <= total and fresh % 1 == 0) then
  return '0 RECOVERING 0 NOT_LOADED'
end
local free = redis.call('LLEN', KEYS[3])
local left = total - fresh + free
if state ~= 'OPEN' and state ~= 'CLOSED' then
  return table.concat({ epoch, state, left, state == 'PAUSED' and 'PAUSED' or 'NOT_LOADED' }, ' ')
end

local function too_early_or_late(time)
  if state == 'CLOSED' or (time and time >= endsAt) then
    return 'ENDED'
  end
  return time and time < startsAt and 'NOT_STARTED'
end

local users, requests, count = {}, {}, (#ARGV - 1) / 3
for i = 1, count do
  users[i] = ARGV[3 * i - 1]
  requests[i] = ARGV[3 * i]
end
local held = redis.call('HMGET', KEYS[2], unpack(users))
local told = redis.call('HMGET', KEYS[5], unpack(requests))
local noted = KEYS[6] and redis.call('HMGET', KEYS[6], unpack(users)) or {}
local freed, dropped = {}, 0
if free > 0 and left > 0 then
  freed, dropped = freed_slots(KEYS[3], count, total)
  left = left - dropped
end
local reply, taken, won, wins, refusals, full = { epoch, state, left }, 0, {}, {}, {}, false
local answered = {}
local function say(word)
  reply[#reply + 1] = word
end

for i = 1, count do
  local user, request = users[i], requests[i]
  local remembered = string.match(told[i] or '', '^FAILED ([A-Z_]+)')
  local earlier = held[i] or won[user]
  if noted[i] and string.sub(noted[i], 1, #request) == request then
    answered[#answered + 1] = user
  end
  if full then
    say('OVERLOADED')
  elseif remembered then
    say(remembered)
  elseif earlier and not string.find(earlier, WIN) then
    -- What the user has won is known after the sale's rebuild, and until then nobody behind them is decided.
    redis.pcall('HSET', KEYS[1], 'broken', 'winners')
    full = true
    say('OVERLOADED')
  elseif earlier then
    say('ALREADY_WON')
    say(earlier)
  else
    local reason = too_early_or_late(tonumber(ARGV[3 * i + 1])) or left < 1 and 'SOLD_OUT'
    if reason then
      say(reason)
      refusals[#refusals + 1] = request
      refusals[#refusals + 1] = 'FAILED ' .. reason .. ' ' .. user
    else
      -- The first write, as in claim.lua: a refused XADD leaves no winner behind.
      local slot = freed[taken + 1] or fresh + 1
      local entry = redis.pcall('XADD', KEYS[4], '*', 'u', user, 'r', request, 's', slot, 'e', epoch)
      if type(entry) == 'table' then
        full = true
        say('OVERLOADED')
      else
        if freed[taken + 1] then
          taken = taken + 1
        else
          fresh = slot
        end
        left = left - 1
        won[user] = slot .. ' ' .. request
        wins[#wins + 1] = user
        wins[#wins + 1] = won[user]
        say('ACCEPTED')
        say(slot)
        say(entry)
      end
    end
  end
end

if #wins > 0 then
  if taken > 0 then
    redis.call('LPOP', KEYS[3], taken)
  end
  redis.call('HSET', KEYS[2], unpack(wins))
  redis.call('HSET', KEYS[1], 'next', fresh)
  if left == 0 then
    announce(KEYS[1], epoch, redis.call('HINCRBY', KEYS[1], 'version', 1), state, true)
  end
  reply[3] = left
end
if #refusals > 0 then
  redis.call('HSET', KEYS[5], unpack(refusals))
  redis.call('EXPIRE', KEYS[5], ARGV[1])
end
if #answered > 0 and not full then
  redis.call('HDEL', KEYS[6], unpack(answered))
end
return table.concat(reply, ' ')
