-- save-grants (included by claim.lua and decide.lua after their loops; see sale-slots.lua): writes this call's winners.
-- Sets version: the sale's new one, if the last slot is gone, which all gateways are told; else nil.
local version
if #wins > 0 then
  if taken > 0 then
    redis.call('LPOP', KEYS[3], taken)
  end
  redis.call('HSET', KEYS[2], unpack(wins))
  redis.call('HSET', KEYS[1], 'next', highest)
  if left < 1 then
    version = redis.call('HINCRBY', KEYS[1], 'version', 1)
    announce(KEYS[1], epoch, version, state, true)
  end
end
