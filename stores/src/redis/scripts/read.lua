-- Reads whole tasks, each of one moment: its fields, its details, its waits.
--
-- ARGV: 1 most bytes of details, then ids. Answers those that are within the bound, but at least one.
local P, call, most = KEYS[1], redis.call, tonumber(ARGV[1])
local answer, bytes = {}, 0
for i = 2, #ARGV do
  local flat, task = call('HGETALL', P .. 't:' .. ARGV[i]), {}
  if #flat > 0 then
    task = { flat, call('LINDEX', P .. 'l:' .. ARGV[i], 0) or '', call('GET', P .. 'w:' .. ARGV[i]) or '' }
    bytes = bytes + #task[2] + #task[3]
    if bytes > most and #answer > 0 then return answer end
  end
  answer[#answer + 1] = task
end
return answer
