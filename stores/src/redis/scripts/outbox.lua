-- Notifications. The arguments from `a` on describe them: id, channel (m mail, w webhook), recipient, body of each.
local NEWBORN = 4
-- In which channels something may be due.
local rings = {}

local function count_notification(was, state) add('n ' .. was .. '>' .. state, 1) end

-- Puts one in its channel's line.
local function queue_notification(id, channel, due)
  later('ZADD', P .. 'o:' .. channel, int(due), id)
  rings[channel] = true
end

-- Puts new ones in line; one that is there already is left as it is. Answers how many are new.
local function bear(a, count, tenant, task)
  local born = 0
  for i = a, a + NEWBORN * (count - 1), NEWBORN do
    local id, channel, key = ARGV[i], ARGV[i + 1], P .. 'n:' .. ARGV[i]
    if call('HLEN', key) == 0 then
      later('HSET', key, 'tenant', tenant, 'task', task, 'channel', channel, 'recipient', ARGV[i + 2],
        'body', ARGV[i + 3], 'state', 'queued', 'created', int(now()), 'queued', int(now()), 'due', int(now()), 'attempts', '0')
      later('ZADD', P .. 'na:' .. tenant, '0', id)
      if task ~= '' then later('ZADD', P .. 'nt:' .. task, '0', id) end
      queue_notification(id, channel, now())
      count_notification('-', 'queued')
      born = born + 1
    end
  end
  return born
end

local function tell_senders()
  local channels = (rings.m and 'm' or '') .. (rings.w and 'w' or '')
  if channels ~= '' then call('SPUBLISH', P .. 'outbox', channels) end
end
