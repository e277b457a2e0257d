-- Ends a running task that has no parent, no children and no unique key: what `write.lua` does, with as few commands and
-- tables as it can be done with, because most tasks end so.
--
-- ARGV: 1 the time of a test or '', 2 id, 3 claim, 4 claim and number, 5 claim and the number before or '' at the first,
--   6 count of bodies, 7 bodies, 8 summary, 9 the state that ends it, 10 what a client then sees, then id, channel,
--   recipient and body of each notification
--
-- Answers as `write.lua`; nothing when the task is not such a one.
local P, call, id = KEYS[1], redis.call, ARGV[2]
local key, same = P .. 't:' .. id, ARGV[4]
local t = call('HMGET', key, 'claim', 'write', 'head', 'asked', 'parent', 'unique', 'tenant', 'flow')
local last = t[2] or ''
if string.sub(last, 1, #same) == same then
  return tonumber(string.sub(last, #same + 1)) * 4 + tonumber(t[4] or 0)
end
if t[1] ~= ARGV[3] then return -1 end
if ARGV[5] == '' then
  if string.sub(last, 1, #ARGV[3] + 1) == ARGV[3] .. ' ' then return -1 end
elseif string.sub(last, 1, #ARGV[5]) ~= ARGV[5] then
  return -1
end
if t[5] or t[6] or ARGV[6] == '0' or call('ZCARD', P .. 'c:' .. id) > 0 then return nil end

local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
now = string.format('%d', now)
local tenant, flow, counts = t[7], t[8], P .. 'counts'
local busy, ended = 'busy ' .. tenant, 'running>' .. ARGV[9] .. ' ' .. flow
local title = string.format('%d %s', tonumber(t[3]) + 1, ARGV[6])
local page = title .. '\n' .. ARGV[7]
local head = tonumber(t[3]) + tonumber(ARGV[6])
local head_text, log = string.format('%d', head), P .. 'l:' .. id
local size = string.format('%d', (call('MEMORY', 'USAGE', log) or 0) + #page)
-- As `bear` does it: one that is there already is left as it is.
local born, senders = {}, ''
for i = 11, #ARGV, 4 do
  if call('HLEN', P .. 'n:' .. ARGV[i]) == 0 then
    born[#born + 1] = i
    if not string.find(senders, ARGV[i + 1], 1, true) then
      senders = senders .. ARGV[i + 1]
      call('ZCARD', P .. 'o:' .. ARGV[i + 1])
    end
  end
end
if #born > 0 then
  call('ZCARD', P .. 'na:' .. tenant)
  call('ZCARD', P .. 'no')
  call('ZCARD', P .. 'nt:' .. id)
end
for _, value in ipairs(call('HMGET', counts, busy, ended, 'unarchived', 'n ->queued', 'open ' .. tenant)) do
  if value and not tonumber(value) then error('a count is no number') end
end
call('ZCARD', P .. 'leases')
call('ZCARD', P .. 'ended')
local listed = ARGV[9] ~= 'succeeded' and P .. 'i:' .. ARGV[9] .. ':' .. tenant
if listed then call('ZCARD', listed) end
-- Everything that will be written was looked at, but for the first one: should that fail, nothing was written.
call('RPUSH', log, page)
call('HSET', key, 'write', same .. head_text, 'head', head_text, 'bytes', size, 'summary', ARGV[8], 'state', ARGV[9],
  'asked', '0', 'claim', '', 'ended', now)
call('ZREM', P .. 'leases', id)
call('ZADD', P .. 'ended', now, id)
if listed then call('ZADD', listed, '0', id) end
call('HINCRBY', counts, busy, '-1')
call('HINCRBY', counts, ended, '1')
call('HINCRBY', counts, 'unarchived', size)
for _, i in ipairs(born) do
  local new = ARGV[i]
  call('HSET', P .. 'n:' .. new, 'tenant', tenant, 'task', id, 'channel', ARGV[i + 1], 'recipient', ARGV[i + 2],
    'body', ARGV[i + 3], 'state', 'queued', 'created', now, 'queued', now, 'due', now, 'attempts', '0', 'tries', '0')
  call('ZADD', P .. 'na:' .. tenant, '0', new)
  call('ZADD', P .. 'no', now, new)
  call('ZADD', P .. 'nt:' .. id, '0', new)
  call('ZADD', P .. 'o:' .. ARGV[i + 1], now, new)
end
if #born > 0 then
  local count = string.format('%d', #born)
  call('HINCRBY', counts, 'n ->queued', count)
  call('HINCRBY', counts, 'open ' .. tenant, count)
end
call('SPUBLISH', P .. 'log:' .. id, #page <= MOST_PUBLISHED and page or title)
call('SPUBLISH', P .. 'bell', '-' .. senders .. '\n' .. id .. ' ' .. ARGV[10] .. ' ' .. #tenant .. ' ' .. #flow .. '\n' .. tenant .. flow)
return head * 4
