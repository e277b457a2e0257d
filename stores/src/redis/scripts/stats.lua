-- Says what is counted in a partition. ARGV: 1 now.
--
-- Answers all counts; all lanes, each with when its first task is due; how many are due in each; how many tasks are set
-- aside: ended ones that cannot be archived, and those that nobody can read.
local P, call, now = KEYS[1], redis.call, tonumber(ARGV[1])
local lanes, due = call('ZRANGE', P .. 'lanes', 0, -1, 'WITHSCORES'), {}
for i = 1, #lanes, 2 do
  due[#due + 1] = tonumber(lanes[i + 1]) <= now and call('ZCOUNT', P .. 'q:' .. lanes[i], '-inf', ARGV[1]) or 0
end
return { call('HGETALL', P .. 'counts'), lanes, due, call('HLEN', P .. 'aside') + call('HLEN', P .. 'unreadable') }
