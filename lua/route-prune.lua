-- route-prune: removes connections of gateways that are gone.
-- KEYS 1 route (hash connectionId → gatewayId)  ARGV connectionId, gatewayId, the gateway's channel, connectionId, …
-- Returns how many were removed. By compare: a connection id that meanwhile leads elsewhere stays, and so does one whose gateway is
-- subscribed again by now. A gateway that was away for long writes its routes again as soon as its subscription stands, so what is
-- removed before that comes back, and what is written after it is not removed.
-- Not for a cluster, where NUMSUB counts the subscribers of one node.
local removed = 0
for i = 1, #ARGV, 3 do
  local isHeard = redis.call('PUBSUB', 'NUMSUB', ARGV[i + 2])[2] > 0
  if not isHeard and redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    removed = removed + redis.call('HDEL', KEYS[1], ARGV[i])
  end
end
return removed
