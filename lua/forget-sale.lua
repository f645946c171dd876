#!lua flags=allow-oom
-- forget-sale: deletes an ended sale from Redis, if Redis holds nothing of it that PostgreSQL lacks.
-- KEYS 1 sale  2 winners  3 freed  4 ledger  5 status  6 asked
-- ARGV 1 epoch  2 winners that PostgreSQL holds  3 milliseconds since 1970: it must have ended before
--      4 DIRECT or QUEUED
-- Returns FORGOTTEN (also if Redis had nothing) or the reason against it:
--   SALE_RECOVERING (fenced: a loader rebuilds it) | STALE_EPOCH | NOT_OVER | LEDGER_NOT_EMPTY | WINNERS_DIFFER
--   | REQUESTS_WAIT (a queued sale has undecided requests; decide.lua deletes their notes, others expire)
-- No script and no fence is removed: without `:sale` every script of the sale answers NOT_LOADED.
local sale = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'endsAt')
if sale[1] == 'RECOVERING' then
  return 'SALE_RECOVERING'
end
if sale[2] and sale[2] ~= ARGV[1] then
  return 'STALE_EPOCH'
end
if sale[3] and tonumber(sale[3]) >= tonumber(ARGV[3]) then
  return 'NOT_OVER'
end
if redis.call('XLEN', KEYS[4]) > 0 then
  return 'LEDGER_NOT_EMPTY'
end
local winners = redis.call('HLEN', KEYS[2])
if winners ~= tonumber(ARGV[2]) and winners > 0 then
  return 'WINNERS_DIFFER'
end
if ARGV[4] == 'QUEUED' and redis.call('HLEN', KEYS[6]) > 0 then
  return 'REQUESTS_WAIT'
end
redis.call('UNLINK', unpack(KEYS))
return 'FORGOTTEN'
