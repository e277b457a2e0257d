-- Reads whole tasks, each of one moment: its fields, its details, its waits, and its log if that is short enough.
--
-- ARGV: 1 most bytes of all but the fields, 2 most bytes of a log that comes with its task, then ids. Answers those that
-- are within the bound, but at least one.
local P, call, most, short = KEYS[1], redis.call, tonumber(ARGV[1]), tonumber(ARGV[2])
local FEW = 16
local answer, bytes = {}, 0

-- The log, if it is short, and its bytes. How long it is was written down when the task ended; before, one of few
-- elements is asked for what it takes, with what never changes of the task.
local function short_log(id)
  local log, size = P .. 'l:' .. id, tonumber(call('HGET', P .. 't:' .. id, 'bytes') or '')
  if not size and call('LLEN', log) <= FEW + 1 then size = call('MEMORY', 'USAGE', log, 'SAMPLES', '0') end
  return size and size <= short and call('LRANGE', log, 1, -1), size
end

for i = 3, #ARGV do
  local log = P .. 'l:' .. ARGV[i]
  local flat, task = call('HGETALL', P .. 't:' .. ARGV[i]), {}
  if #flat > 0 then
    task = { flat, call('LINDEX', log, 0) or '', call('GET', P .. 'w:' .. ARGV[i]) or '' }
    bytes = bytes + #task[2] + #task[3]
    if short > 0 then
      local pages, size = short_log(ARGV[i])
      if pages then
        task[4], bytes = pages, bytes + size
      end
    end
    if bytes > most and #answer > 0 then return answer end
  end
  answer[#answer + 1] = task
end
return answer
