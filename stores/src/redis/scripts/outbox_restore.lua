-- Puts a notification in line that was kept elsewhere since it ended; one that is here already is left as it is.
--
-- ARGV: 2 id, 3 channel, 4 tenant, 5 task or '', then fields and values of its hash. Answers 1 when it is here by this.
local id, channel, tenant, task = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local key = P .. 'n:' .. id
if call('HLEN', key) > 0 then return 0 end
local fields = { 'HSET', key }
for i = 6, #ARGV do fields[#fields + 1] = ARGV[i] end
later(unpack(fields))
later('HSET', key, 'state', 'queued', 'queued', int(now()), 'due', int(now()), 'ended', '')
later('ZADD', P .. 'na:' .. tenant, '0', id)
later('ZADD', P .. 'no', int(now()), id)
if task ~= '' then later('ZADD', P .. 'nt:' .. task, '0', id) end
queue_notification(id, channel, now())
count_notification('-', 'queued')
commit()
return 1
