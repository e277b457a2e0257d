-- Notifications. A channel is a letter: m mail, w webhook.

-- Those that are still to be sent: of a tenant, what the outbox's bound is about.
local OPEN = { queued = true, sending = true, deferred = true }

local function count_notification(tenant, was, state)
  add('n ' .. was .. '>' .. state, 1)
  local open = (OPEN[state] and 1 or 0) - (OPEN[was] and 1 or 0)
  if open ~= 0 then add('open ' .. tenant, open) end
end

-- Puts one in its channel's line.
local function queue_notification(id, channel, due)
  later('ZADD', P .. 'o:' .. channel, int(due), id)
  if not string.find(senders, channel, 1, true) then senders = senders .. channel end
end

-- Puts new ones in line; one that is there already is left as it is. The arguments from `a` on describe them: id, channel,
-- recipient, body of each. Answers how many are new.
local NEWBORN = 4
local function bear(a, count, tenant, task)
  local born = 0
  for i = a, a + NEWBORN * (count - 1), NEWBORN do
    local id, channel, key = ARGV[i], ARGV[i + 1], P .. 'n:' .. ARGV[i]
    if call('HLEN', key) == 0 then
      local at = int(now())
      later('HSET', key, 'tenant', tenant, 'task', task, 'channel', channel, 'recipient', ARGV[i + 2],
        'body', ARGV[i + 3], 'state', 'queued', 'created', at, 'queued', at, 'due', at, 'attempts', '0', 'tries', '0')
      later('ZADD', P .. 'na:' .. tenant, '0', id)
      later('ZADD', P .. 'no', at, id)
      if task ~= '' then later('ZADD', P .. 'nt:' .. task, '0', id) end
      queue_notification(id, channel, now())
      count_notification(tenant, '-', 'queued')
      born = born + 1
    end
  end
  return born
end
