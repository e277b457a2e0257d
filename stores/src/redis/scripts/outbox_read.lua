-- ARGV: ids. Answers the fields of each notification, nothing for one that is not there.
local P, call, answers = KEYS[1], redis.call, {}
for i, id in ipairs(ARGV) do answers[i] = call('HGETALL', P .. 'n:' .. id) end
return answers
