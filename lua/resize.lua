#!lua flags=allow-oom
-- resize: changes the total of a loaded sale, but never below a slot that a user has.
-- KEYS 1 sale  2 freed
-- ARGV 1 total  2 highest slot that PostgreSQL holds, 0 for none
-- Returns CHANGED | UNCHANGED | CONFLICT smallestTotal (the highest slot that a user has) | NOT_LOADED
-- A slot is taken if it was given out and not freed, so discarded slots count too. Freed slots above a smaller total are removed,
-- and `next` is lowered to the total: if the sale grows again, it gives them out as new ones.
-- include: announce.lua
local sale = redis.call('HMGET', KEYS[1], 'runId', 'state', 'epoch', 'total', 'next')
if sale[1] ~= RUN_ID or sale[2] == 'RECOVERING' then
  return 'NOT_LOADED'
end
local total, fresh = tonumber(ARGV[1]), tonumber(sale[5])
if total == tonumber(sale[4]) then
  return 'UNCHANGED'
end

local free = redis.call('LLEN', KEYS[2])
local smallest = math.max(1, tonumber(ARGV[2]))
if total < fresh then
  local freed, isFree = redis.call('LRANGE', KEYS[2], 0, -1), {}
  for _, slot in ipairs(freed) do
    isFree[tonumber(slot) or 0] = true
  end
  local taken = fresh
  while taken > 0 and isFree[taken] do
    taken = taken - 1
  end
  smallest = math.max(smallest, taken)
  if total >= smallest then
    redis.call('UNLINK', KEYS[2])
    free, fresh = 0, total
    for _, slot in ipairs(freed) do
      -- A value that is no number was written by hand and is removed too.
      if (tonumber(slot) or math.huge) <= total then
        free = redis.call('RPUSH', KEYS[2], slot)
      end
    end
  end
end
if total < smallest then
  return 'CONFLICT ' .. smallest
end
redis.call('HSET', KEYS[1], 'total', total, 'next', fresh)
announce(KEYS[1], sale[3], redis.call('HINCRBY', KEYS[1], 'version', 1), sale[2], total - fresh + free == 0)
return 'CHANGED'
