-- inbox-append: writes personal messages, then reads where their owners' sockets are. In this order: a socket writes
-- its route and then reads the inbox, so a message is seen by one of the two at least.
-- KEYS inbox, route, inbox, route, …  (on a cluster: of one hash slot)
-- ARGV 1 seconds an inbox lives after its last message  2 about how many messages it keeps
--      then per user: number of messages, message, …
-- Returns per user one line: `id id …|connectionId gatewayId connectionId gatewayId …`
local replies, at = {}, 3
for i = 1, #KEYS, 2 do
  local ids = {}
  for j = 1, tonumber(ARGV[at]) do
    ids[j] = redis.call('XADD', KEYS[i], 'MAXLEN', '~', ARGV[2], '*', 'm', ARGV[at + j])
  end
  at = at + #ids + 1
  redis.call('EXPIRE', KEYS[i], ARGV[1])
  replies[#replies + 1] = table.concat(ids, ' ') .. '|' .. table.concat(redis.call('HGETALL', KEYS[i + 1]), ' ')
end
return replies
