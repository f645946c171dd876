-- grant-slot (included in the loops of claim.lua and decide.lua; see sale-slots.lua): gives one user a slot.
-- Reads `user` and `request`. Sets code: ACCEPTED, then also slot and entry (the ledger id), or why not: SOLD_OUT | OVERLOADED
-- (Redis refused the write).
-- A freed slot is given out before a new one, so that slots stay within 1..total.
-- The ledger entry is the first write. Redis rolls nothing back, and if it refuses XADD (maxmemory, a failing disk, too few
-- replicas), there must be no winner. After a script's first write Redis refuses no other write for lack of memory.
local code, slot, entry = REFUSED.SOLD_OUT, nil, nil
if left > 0 then
  slot = freed[taken + 1] or highest + 1
  entry = redis.pcall('XADD', KEYS[4], '*', 'u', user, 'r', request, 's', slot, 'e', epoch, unpack(entry_fields))
  if type(entry) == 'table' then
    code, slot = REFUSED.OVERLOADED, nil
  else
    code = 'ACCEPTED'
    if freed[taken + 1] then
      taken = taken + 1
    else
      highest = slot
    end
    left = left - 1
    local win = slot .. ' ' .. request
    won[user] = win
    wins[#wins + 1] = user
    wins[#wins + 1] = win
  end
end
