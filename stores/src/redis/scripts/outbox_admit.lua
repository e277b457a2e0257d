-- Whether an address may be sent a mail now; counts it among those of its hour when there is a bound. Asked again for the
-- same mail, it is counted once.
--
-- ARGV: 1 tenant, 2 address, 3 most within an hour or '', 4 its hour, 5 by what the mail is known. Answers yes, no or many.
local P, call, tenant, address = KEYS[1], redis.call, ARGV[1], ARGV[2]
if call('HEXISTS', P .. 'x:' .. tenant, address) == 1 then return 'no' end
if ARGV[3] == '' then return 'yes' end
local key = P .. 'hm:' .. tenant .. '\0' .. address .. '\0' .. ARGV[4]
if call('SCARD', key) >= tonumber(ARGV[3]) and call('SISMEMBER', key, ARGV[5]) == 0 then return 'many' end
call('SADD', key, ARGV[5])
call('PEXPIRE', key, 3600000)
return 'yes'
