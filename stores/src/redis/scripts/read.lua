-- Reads whole tasks, each of one moment: its fields, its details, its waits, and its log if that is short enough.
--
-- ARGV: 1 most bytes of all but the fields, 2 most bytes of a log that comes with its task, then ids. Answers those that
-- are within the bound, but at least one.
local P, call, most, short = KEYS[1], redis.call, tonumber(ARGV[1]), tonumber(ARGV[2])
local answer, bytes = {}, 0
for i = 3, #ARGV do
  local log = P .. 'l:' .. ARGV[i]
  local flat, task = call('HGETALL', P .. 't:' .. ARGV[i]), {}
  if #flat > 0 then
    task = { flat, call('LINDEX', log, 0) or '', call('GET', P .. 'w:' .. ARGV[i]) or '' }
    bytes = bytes + #task[2] + #task[3]
    local size = short > 0 and tonumber(call('HGET', P .. 't:' .. ARGV[i], 'bytes') or '')
    if size and size <= short then
      task[4] = call('LRANGE', log, 1, -1)
      bytes = bytes + size
    end
    if bytes > most and #answer > 0 then return answer end
  end
  answer[#answer + 1] = task
end
return answer
