-- Tells a partition how many there are, so that whoever believes in fewer is corrected. ARGV: 1 the number.
local key, call = KEYS[1] .. 'partitions', redis.call
if tonumber(ARGV[1]) > tonumber(call('GET', key) or 0) then call('SET', key, ARGV[1]) end
return 1
