-- claim: decides a batch of claims of one sale, atomically and in order.
-- KEYS 1 sale (hash)  2 winners (hash user → "slot requestId")  3 freed (list of slots)  4 ledger (stream)
-- ARGV userId, requestId, userId, requestId, …  (at most 1,000 pairs: unpack's stack ends at 8,000), then perhaps one word:
--   redis: these claims go through the ledger alone.
--   again: Redis granted these claims before a rebuild, so they were in time: the sale's window does not refuse them.
--   The word stands last, so that a script loaded before there was such a word ignores it.
-- Returns one line of words, because one string costs the client a fraction of 4 × n bulk replies:
--   epoch version state startsAt endsAt total left, then
--   either one word for all, when the sale refuses everybody in the batch: NOT_LOADED | PAUSED | NOT_STARTED | ENDED | QUEUED
--   or per claim: ACCEPTED slot ledgerId | ALREADY_WON slot requestId | SOLD_OUT | OVERLOADED | PAUSED | NOT_STARTED | ENDED
--     | NOT_LOADED: somebody wrote over what the user has won; the sale is marked broken, and its loader rebuilds it
-- A winner gets their own win whatever the sale refuses to the others: winners are looked up before anybody is refused.
-- The ledger entry is the first write: Redis rolls nothing back, and a refused XADD (maxmemory, a failing disk, too few
-- replicas) must leave no winner behind. After the first write of a script Redis refuses no other for lack of memory.
-- QUEUED: claims of this sale go by the log (decide.lua); whoever comes here directly would overtake them.
-- A slot freed by a compensation goes out before a fresh one, so slots stay within 1..total.
-- NOT_LOADED too while somebody's garbage stands in `epoch` or `next`: a claim must not be granted with a slot or an epoch that
-- PostgreSQL cannot take. The loader's look finds it within a second and rebuilds the sale.
local sale = redis.call('HMGET', KEYS[1], 'runId', 'state', 'epoch', 'version', 'startsAt', 'endsAt', 'total', 'next', 'mode')
local state, epoch, version = sale[2], sale[3], sale[4]
local total, fresh = tonumber(sale[7]), tonumber(sale[8])
if sale[1] ~= RUN_ID
  or not (epoch and string.find(epoch, '^[1-9]%d*$') and (#epoch < 10 or tonumber(epoch) <= 2147483647))
  or not (total and fresh and fresh >= 0 and fresh <= total and fresh % 1 == 0) then
  return '0 0 RECOVERING 0 0 0 0 NOT_LOADED'
end
local free = redis.call('LLEN', KEYS[3])
local left = total - fresh + free

local users, claims = {}, math.floor(#ARGV / 2)
local word = #ARGV > 2 * claims and ARGV[#ARGV]
local again = word == 'again'
local mark = word and not again and { 'p', word } or {}

local refusal
if state == 'OPEN' and sale[9] == 'QUEUED' then
  refusal = 'QUEUED'
elseif state == 'OPEN' then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  if now < tonumber(sale[5]) then
    refusal = not again and 'NOT_STARTED'
  elseif now >= tonumber(sale[6]) then
    refusal = not again and 'ENDED'
  end
elseif state == 'PAUSED' then
  refusal = 'PAUSED'
elseif state == 'CLOSED' then
  refusal = 'ENDED'
else
  refusal = 'NOT_LOADED'
end
local function refuse_all()
  return table.concat({ epoch, version, state, sale[5], sale[6], total, left, refusal }, ' ')
end
if refusal == 'NOT_LOADED' or refusal == 'QUEUED' then
  return refuse_all()
end

for i = 1, claims do
  users[i] = ARGV[2 * i - 1]
end
local held = redis.call('HMGET', KEYS[2], unpack(users))
if refusal then
  local winners = false
  for i = 1, claims do
    winners = winners or held[i]
  end
  if not winners then
    return refuse_all()
  end
end
local freed = {}
if free > 0 and left > 0 and not refusal then
  local dropped
  freed, dropped = freed_slots(KEYS[3], claims, total)
  left = left - dropped
end
local reply = { epoch, version, state, sale[5], sale[6], total, left }
local words, taken, won, wins, last = 7, 0, {}, {}, nil
for i = 1, claims do
  local user = users[i]
  local earlier = held[i] or won[user]
  words = words + 1
  if earlier then
    if string.find(earlier, WIN) then
      reply[words] = 'ALREADY_WON'
      words = words + 1
      reply[words] = earlier
    else
      redis.pcall('HSET', KEYS[1], 'broken', 'winners')
      reply[words] = 'NOT_LOADED'
    end
  elseif refusal then
    reply[words] = refusal
  elseif left == 0 then
    reply[words] = 'SOLD_OUT'
  else
    local request = ARGV[2 * i]
    local slot = freed[taken + 1] or fresh + 1
    local entry = redis.pcall('XADD', KEYS[4], '*', 'u', user, 'r', request, 's', slot, 'e', epoch, unpack(mark))
    if type(entry) == 'table' then
      reply[words] = 'OVERLOADED'
    else
      if freed[taken + 1] then
        taken = taken + 1
      else
        fresh = slot
      end
      last = entry
      left = left - 1
      local winner = slot .. ' ' .. request
      won[user] = winner
      wins[#wins + 1] = user
      wins[#wins + 1] = winner
      reply[words] = 'ACCEPTED'
      reply[words + 1] = slot
      reply[words + 2] = entry
      words = words + 2
    end
  end
end

if #wins > 0 then
  if taken > 0 then
    redis.call('LPOP', KEYS[3], taken)
  end
  redis.call('HSET', KEYS[2], unpack(wins))
  if mark[1] then
    redis.call('HSET', KEYS[1], 'lastRedis', last)
  end
  if left == 0 then
    version = version + 1
    redis.call('HSET', KEYS[1], 'next', fresh, 'version', version)
    announce(KEYS[1], epoch, version, state, true)
  else
    redis.call('HSET', KEYS[1], 'next', fresh)
  end
  reply[2] = version
  reply[7] = left
end
return table.concat(reply, ' ')
