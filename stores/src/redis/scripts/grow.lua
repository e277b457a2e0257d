-- Tells a partition how many there are, so that whoever believes in fewer is corrected. In one that holds nothing yet all
-- lists are whole. ARGV: 1 the number.
local P, call = KEYS[1], redis.call
local known = tonumber(call('GET', P .. 'partitions') or 0)
local grows = tonumber(ARGV[1]) > known
if known == 0 and call('EXISTS', P .. 'counts') == 0 then call('SET', P .. 'listed', '1') end
if grows then call('SET', P .. 'partitions', ARGV[1]) end
return 1
