-- Reads whole tasks, each of one moment: its fields, its details and its waits.
--
-- ARGV: 1 most bytes of all but the fields, then ids. Answers, packed, those that are within the bound, but at least one.
local P, call, most = KEYS[1], redis.call, tonumber(ARGV[1])
-- In these a task has none.
local WITHOUT_WAITS = { running = true, succeeded = true }
local answer, bytes = {}, 0

for i = 2, #ARGV do
  local flat, task = call('HGETALL', P .. 't:' .. ARGV[i]), {}
  if #flat > 0 then
    local state
    for field = 1, #flat, 2 do
      if flat[field] == 'state' then state = flat[field + 1] end
    end
    local waits = not WITHOUT_WAITS[state] and call('GET', P .. 'w:' .. ARGV[i]) or ''
    task = { flat, call('LINDEX', P .. 'l:' .. ARGV[i], 0) or '', waits }
    bytes = bytes + #task[2] + #task[3]
    if bytes > most and #answer > 0 then return cmsgpack.pack(answer) end
  end
  answer[#answer + 1] = task
end
return cmsgpack.pack(answer)
