-- route-prune: removes routes to gateways that do not run any more.
-- KEYS 1 route (hash connectionId → gatewayId)  ARGV connectionId, gatewayId, the gateway's channel, connectionId, …
-- Returns how many were removed. A route stays if it points to another gateway by now, or if its gateway is subscribed again. A
-- gateway that was disconnected writes its routes again as soon as it is subscribed, so a route that is removed before that comes
-- back, and a route that is written after that is not removed.
-- Not for a cluster, where NUMSUB counts the subscribers of one node only.
local removed = 0
for i = 1, #ARGV, 3 do
  local isHeard = redis.call('PUBSUB', 'NUMSUB', ARGV[i + 2])[2] > 0
  if not isHeard and redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    removed = removed + redis.call('HDEL', KEYS[1], ARGV[i])
  end
end
return removed
