-- route-prune: removes connections of gateways that are gone.
-- KEYS 1 route (hash connectionId → gatewayId)  ARGV connectionId, gatewayId, …
-- Returns how many were removed. By compare: a connection id that meanwhile leads elsewhere stays.
local removed = 0
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    removed = removed + redis.call('HDEL', KEYS[1], ARGV[i])
  end
end
return removed
