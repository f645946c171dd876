-- inbox-append: writes personal messages, each event once, then reads the routes of their owners' sockets. The order matters: a
-- gateway writes a socket's route and then reads the inbox, so that at least one of the two sees a message.
-- KEYS inbox, route, inbox, route, …  (on a cluster: of one hash slot)
-- ARGV 1 seconds an inbox lives after its last message  2 about how many messages it keeps
--      then per user: number of messages, milliseconds since 1970 before which none of them can have been written,
--      and per message: JSON, eventId, orderId (empty: not a stage of an order), sequence in the order's stream
-- Returns per user {'', previous, ids, connectionId, gatewayId, connectionId, gatewayId, …} or {error}.
--   previous  the inbox's newest id before the first message that was written; empty: there was none
--   ids       per message: `id` written now, `=id` written before, `-` a later stage of the order has been written
-- If one user's keys cannot be written, only that user's messages fail; the caller does not repeat those of the others.
-- To read an entry costs 2 µs, so only a few are compared with the new messages. The NEWEST entries always are, because clocks may differ.
local NEWEST = 4

local function append(inbox, route, at, count)
  local written, stages = {}, {}
  local function look_at(entries)
    for _, entry in ipairs(entries) do
      local fields = entry[2]
      if fields[3] == 'e' then
        written[fields[4]] = entry[1]
      else
        -- An earlier release wrote no event id; its messages are compared as text.
        written[fields[2]] = entry[1]
      end
      if fields[5] == 'o' then
        stages[fields[6]] = math.max(stages[fields[6]] or 0, tonumber(fields[8]))
      end
    end
  end
  local entries = redis.call('XREVRANGE', inbox, '+', '-', 'COUNT', NEWEST)
  look_at(entries)
  -- No message is written before its event, so of the other entries only those after the event are compared.
  if entries[NEWEST] and tonumber(string.match(entries[NEWEST][1], '^%d+')) >= tonumber(ARGV[at + 1]) then
    look_at(redis.call('XREVRANGE', inbox, '(' .. entries[NEWEST][1], ARGV[at + 1]))
  end
  local newest = entries[1]
  local reply, ids, added = { '', newest and newest[1] or '' }, {}, false
  for j = 1, count do
    local from = at + 2 + (j - 1) * 4
    local json, event, order, sequence = ARGV[from], ARGV[from + 1], ARGV[from + 2], tonumber(ARGV[from + 3])
    local known = written[event] or written[json]
    if known then
      ids[j] = '=' .. known
    elseif order ~= '' and (stages[order] or 0) >= sequence then
      ids[j] = '-'
    else
      local id
      -- `m` is the first field: readers of all releases read the message from there.
      if order == '' then
        id = redis.call('XADD', inbox, 'MAXLEN', '~', ARGV[2], '*', 'm', json, 'e', event)
      else
        id = redis.call('XADD', inbox, 'MAXLEN', '~', ARGV[2], '*', 'm', json, 'e', event, 'o', order, 'q', sequence)
        stages[order] = sequence
      end
      written[event], ids[j], added = id, id, true
    end
  end
  if added then
    redis.call('EXPIRE', inbox, ARGV[1])
  end
  reply[3] = table.concat(ids, ' ')
  for _, word in ipairs(redis.call('HGETALL', route)) do
    reply[#reply + 1] = word
  end
  return reply
end

local replies, at = {}, 3
for i = 1, #KEYS, 2 do
  local count = tonumber(ARGV[at])
  local fine, reply = pcall(append, KEYS[i], KEYS[i + 1], at, count)
  if not fine then
    reply = { type(reply) == 'table' and reply.err or tostring(reply) }
  end
  replies[#replies + 1] = reply
  at = at + 2 + count * 4
end
return replies
