-- Puts a notification in line that was kept elsewhere since it ended; one that is here already is left as it is.
--
-- ARGV: 2 id, 3 channel, 4 tenant, 5 task or '', 6 recipient, 7 body, 8 when it was made, 9 attempts, 10 what was said.
-- Answers 1 when it is here by this.
local id, channel, tenant, task = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local key = P .. 'n:' .. id
if call('HLEN', key) > 0 then return 0 end
local at = int(now())
later('HSET', key, 'tenant', tenant, 'task', task, 'channel', channel, 'recipient', ARGV[6], 'body', ARGV[7],
  'state', 'queued', 'created', ARGV[8], 'queued', at, 'due', at, 'attempts', ARGV[9], 'tries', '0',
  'error', ARGV[10])
later('ZADD', P .. 'na:' .. tenant, '0', id)
later('ZADD', P .. 'no', at, id)
if task ~= '' then later('ZADD', P .. 'nt:' .. task, '0', id) end
queue_notification(id, channel, now())
count_notification(tenant, '-', 'queued')
commit()
return 1
