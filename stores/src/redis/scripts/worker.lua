-- Keeps what a worker says of itself, and lets go of a few that said nothing for too long: nobody may be there to read.
--
-- ARGV: 1 time of a test or '', 2 the worker, 3 how long it holds, 4 what it says
local key, call = KEYS[1] .. 'workers', redis.call
local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local gone, some = { 'HDEL', key }, call('HRANDFIELD', key, 4, 'WITHVALUES')
for i = 1, #some, 2 do
  local till = tonumber(string.match(some[i + 1], '^%d+'))
  if not till or till <= now then gone[#gone + 1] = some[i] end
end
if #gone > 2 then call(unpack(gone)) end
call('HSET', key, ARGV[2], string.format('%d', now + tonumber(ARGV[3])) .. ' ' .. ARGV[4])
return 1
