-- Reads whole tasks, each of one moment: its fields, its details, its waits, and its log if that is short enough.
--
-- ARGV: 1 most bytes of all but the fields, 2 most bytes of a log that comes with its task, then ids. Answers, packed, those
-- that are within the bound, but at least one.
local P, call, most, short = KEYS[1], redis.call, tonumber(ARGV[1]), tonumber(ARGV[2])
local FEW = 16
-- In these a task has none.
local WITHOUT_WAITS = { running = true, succeeded = true }
local answer, bytes = {}, 0

-- The bytes of a log that is short. How long it is was written down when the task ended; before, one of few elements is
-- asked for what it takes, with what never changes of the task.
local function short_size(log, size)
  if short == 0 then return nil end
  if not size and call('LLEN', log) <= FEW + 1 then size = call('MEMORY', 'USAGE', log, 'SAMPLES', '0') end
  return size and size <= short and size
end

for i = 3, #ARGV do
  local log = P .. 'l:' .. ARGV[i]
  local flat, task = call('HGETALL', P .. 't:' .. ARGV[i]), {}
  if #flat > 0 then
    local state, size
    for field = 1, #flat, 2 do
      if flat[field] == 'state' then state = flat[field + 1] end
      if flat[field] == 'bytes' then size = tonumber(flat[field + 1]) end
    end
    local waits = not WITHOUT_WAITS[state] and call('GET', P .. 'w:' .. ARGV[i]) or ''
    size = short_size(log, size)
    if size then
      -- The first element is what never changes of the task.
      local pages = call('LRANGE', log, 0, -1)
      task = { flat, table.remove(pages, 1) or '', waits, pages }
      bytes = bytes + size
    else
      task = { flat, call('LINDEX', log, 0) or '', waits }
    end
    bytes = bytes + #task[2] + #task[3]
    if bytes > most and #answer > 0 then return cmsgpack.pack(answer) end
  end
  answer[#answer + 1] = task
end
return cmsgpack.pack(answer)
