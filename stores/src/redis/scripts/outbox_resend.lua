-- Puts one in line again that has failed or was suppressed, as if it had never been tried.
--
-- ARGV: 2 tenant, 3 id. Answers '' when it is done, '-' when there is no such notification, else its state.
local id = ARGV[3]
local key = P .. 'n:' .. id
local n = call('HMGET', key, 'tenant', 'state', 'channel')
if n[1] ~= ARGV[2] then return '-' end
if n[2] ~= 'failed' and n[2] ~= 'suppressed' then return n[2] end
-- One that was set aside is counted out already.
local is_aside = call('HEXISTS', P .. 'naside', id) == 1
if is_aside then later('HDEL', P .. 'naside', id) end
count_notification(n[1], is_aside and '-' or n[2], 'queued')
later('HSET', key, 'state', 'queued', 'queued', int(now()), 'due', int(now()), 'ended', '', 'tries', '0')
later('ZREM', P .. 'ne', id)
later('HDEL', P .. 'nb', id)
later('ZADD', P .. 'no', int(now()), id)
queue_notification(id, n[3], now())
commit()
return ''
