-- sale-values (part of claim, decide and ask): what somebody wrote by hand into a sale's keys is told from what the scripts wrote.

-- A value of the winners, "slot requestId". Where the winners hold another, the script sets the sale's field `broken`: its loader
-- (SaleLoading.health) then rebuilds the sale from PostgreSQL, and the field goes with the old hash. A function would cost every
-- claim as much as the check costs those who ask again.
local WIN = '^[1-9]%d* %S+$'

-- The first slots of a list of freed slots, at most `count`, and how many values were removed from the list because they are
-- no slot.
local function freed_slots(freed, count, total)
  local dropped = 0
  while true do
    local slots, before = redis.call('LRANGE', freed, 0, count - 1), dropped
    for _, slot in ipairs(slots) do
      if not (string.find(slot, '^[1-9]%d*$') and tonumber(slot) <= total) then
        dropped = dropped + redis.call('LREM', freed, 1, slot)
      end
    end
    if dropped == before then
      return slots, dropped
    end
  end
end
