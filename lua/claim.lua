-- claim: decides a batch of claims of one sale, atomically and in their order.
-- KEYS 1 sale (hash)  2 winners (hash user → "slot requestId")  3 freed (list of slots)  4 ledger (stream)
-- ARGV userId, requestId, userId, requestId, …  (at most 1,000 pairs: Lua's unpack takes at most 8,000 values), then perhaps one word:
--   redis: these claims go through the ledger alone, not through Kafka.
--   again: Redis granted these claims before a rebuild, so they were in time: the sale's window does not refuse them.
--   The word is last, so that an earlier release's script, which does not know it, ignores it.
-- Returns one line of words, because one string costs the client a fraction of 4 × n bulk replies:
--   epoch version state startsAt endsAt total left, then
--   either one refusal for all claims
--   or per claim: ACCEPTED slot ledgerId | ALREADY_WON slot requestId | a refusal
-- Refusals: contracts/claims/refusals.ts. NOT_LOADED for all, with zeros: the sale cannot be read. NOT_LOADED for one: somebody
-- wrote over what this user has won; the sale is marked broken, and its loader rebuilds it.
-- Winners are looked up before any claim is refused: a winner who asks again gets the same win, also when the sale is over.
-- QUEUED: claims of this sale are decided in the order of Kafka's log (decide.lua). A direct claim would overtake them.
-- include: announce.lua
-- include: win-format.lua
-- include: sale-refusal.lua
local sale =
  redis.call('HMGET', KEYS[1], 'runId', 'state', 'epoch', 'startsAt', 'endsAt', 'total', 'next', 'version', 'mode')
-- include: sale-slots.lua
if not is_loaded then
  return '0 0 RECOVERING 0 0 0 0 ' .. REFUSED.NOT_LOADED
end

local users, claims = {}, math.floor(#ARGV / 2)
local word = #ARGV > 2 * claims and ARGV[#ARGV]
local again = word == 'again'
local is_marked = word and not again
if is_marked then
  entry_fields = { 'p', word }
end

local refusal, held
if state == 'OPEN' and sale[9] == 'QUEUED' then
  refusal = REFUSED.QUEUED
else
  local now
  if state == 'OPEN' and not again then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  refusal = sale_refusal(state, now, starts_at, ends_at)
end
local any_winner = false
if refusal ~= REFUSED.QUEUED and refusal ~= REFUSED.NOT_LOADED then
  for i = 1, claims do
    users[i] = ARGV[2 * i - 1]
  end
  held = redis.call('HMGET', KEYS[2], unpack(users))
  for i = 1, refusal and claims or 0 do
    any_winner = any_winner or held[i]
  end
end
local reply = { epoch, sale[8], state, sale[4], sale[5], total, left }
if refusal and not any_winner then
  reply[8] = refusal
  return table.concat(reply, ' ')
end
if free > 0 and left > 0 and not refusal then
  local dropped
  freed, dropped = freed_slots(claims, total)
  left = left - dropped
end

local words, last_entry = 7, nil
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
      reply[words] = REFUSED.NOT_LOADED
    end
  elseif refusal then
    reply[words] = refusal
  else
    local request = ARGV[2 * i]
    -- include: grant-slot.lua
    reply[words] = code
    if slot then
      reply[words + 1] = slot
      reply[words + 2] = entry
      words = words + 2
      last_entry = entry
    end
  end
end

-- include: save-grants.lua
reply[2] = version or reply[2]
reply[7] = left
if is_marked and last_entry then
  redis.call('HSET', KEYS[1], 'lastRedis', last_entry)
end
return table.concat(reply, ' ')
