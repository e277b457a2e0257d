-- Whether an address may be sent a mail now; counts it when there is a bound.
--
-- ARGV: 2 tenant, 3 address, 4 most within an hour or ''. Answers yes, no or many.
local P, call, tenant, address = KEYS[1], redis.call, ARGV[2], ARGV[3]
if call('HEXISTS', P .. 'x:' .. tenant, address) == 1 then return 'no' end
if ARGV[4] == '' then return 'yes' end
local now = tonumber(ARGV[1])
if not now then now = call('TIME')[1] * 1000 end
local HOUR = 3600000
local key = P .. 'h:' .. tenant .. '\0' .. address .. '\0' .. string.format('%d', math.floor(now / HOUR))
if tonumber(call('GET', key) or 0) >= tonumber(ARGV[4]) then return 'many' end
call('INCR', key)
call('PEXPIRE', key, HOUR)
return 'yes'
