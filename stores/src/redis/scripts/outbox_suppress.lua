-- Takes an address off, or puts it on again.
--
-- ARGV: 2 tenant, 3 address, 4 since when and why, or '' to put it on again. Answers 1 when that is a change.
local P, call, tenant, address = KEYS[1], redis.call, ARGV[2], ARGV[3]
call('ZCARD', P .. 'xa:' .. tenant)
call('HLEN', P .. 'x:' .. tenant)
if ARGV[4] == '' then
  call('ZREM', P .. 'xa:' .. tenant, address)
  return call('HDEL', P .. 'x:' .. tenant, address)
end
call('ZADD', P .. 'xa:' .. tenant, '0', address)
return call('HSETNX', P .. 'x:' .. tenant, address, ARGV[4])
