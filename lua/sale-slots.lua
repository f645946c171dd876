-- sale-slots (included by claim.lua and decide.lua): which slots a sale can still give out, and who got one in this call.
-- This, grant-slot.lua and save-grants.lua are pieces of both scripts' text and share these variables. Functions would be created
-- again in each call, which costs 0.6 to 1 µs of the 12 to 16 µs of a call with one claim.
-- KEYS 1 sale (hash)  2 winners (hash user → "slot requestId")  3 freed (list of slots)  4 ledger (stream), as in both scripts
-- Reads `sale`: the sale's fields runId, state, epoch, startsAt, endsAt, total, next, in this order.
-- Sets is_loaded: false if the sale was loaded on another server process, or if somebody wrote over a number: PostgreSQL
-- could not store such a slot or epoch. The loader checks every sale each second and rebuilds it then. If true, also
--   state, epoch, and starts_at, ends_at (milliseconds since 1970)
--   total, highest (the highest slot that was ever given out), free (length of the list of freed slots)
--   left (slots that can still be won)
local state, epoch = sale[2], sale[3]
local starts_at, ends_at, total, highest = tonumber(sale[4]), tonumber(sale[5]), tonumber(sale[6]), tonumber(sale[7])
local is_loaded = sale[1] == RUN_ID
  and epoch and string.find(epoch, '^[1-9]%d*$') and (#epoch < 10 or tonumber(epoch) <= 2147483647)
  and total and highest and highest >= 0 and highest <= total and highest % 1 == 0
local free = is_loaded and redis.call('LLEN', KEYS[3])
local left = is_loaded and total - highest + free
-- Freed slots that this call may give out, and how many of them it has given out.
local freed, taken = {}, 0
-- User → "slot requestId" of this call's winners, and the same as arguments of HSET.
local won, wins = {}, {}
-- Fields and values that each ledger entry gets in addition to those of grant-slot.lua.
local entry_fields = {}

-- At most `count` slots from the start of the list of freed slots, and how many values were removed from the list because they are no
-- slot of the sale: somebody wrote them by hand.
local function freed_slots(count, total)
  local dropped = 0
  while true do
    local slots, before = redis.call('LRANGE', KEYS[3], 0, count - 1), dropped
    for _, slot in ipairs(slots) do
      if not (string.find(slot, '^[1-9]%d*$') and tonumber(slot) <= total) then
        dropped = dropped + redis.call('LREM', KEYS[3], 1, slot)
      end
    end
    if dropped == before then
      return slots, dropped
    end
  end
end
