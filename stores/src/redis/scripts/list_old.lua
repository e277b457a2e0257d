-- Puts some tasks of a tenant that are older than the lists by state into these.
--
-- ARGV: 1 tenant, 2 the last id before or ''. Answers the last id, or '' when there are no more.
local P, call, tenant, BITE = KEYS[1], redis.call, ARGV[1], 500
local lists = {}
for _, state in ipairs({ 'waiting', 'paused', 'failed', 'cancelled' }) do
  lists[state] = P .. 'i:' .. state .. ':' .. tenant
  call('ZCARD', lists[state])
end
local above = ARGV[2] == '' and '-' or '(' .. ARGV[2]
local ids = call('ZRANGE', P .. 'a:' .. tenant, above, '+', 'BYLEX', 'LIMIT', 0, BITE)
for _, id in ipairs(ids) do
  local list = lists[call('HGET', P .. 't:' .. id, 'state')]
  if list then call('ZADD', list, '0', id) end
end
return #ids == BITE and ids[BITE] or ''
