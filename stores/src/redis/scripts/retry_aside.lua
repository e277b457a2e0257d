-- Puts tasks that could not be archived back to those that are to be: whatever was wrong may be right by now. They stand
-- behind those that are waiting. Of those that lacked what nobody could tell, the ones that somebody has repaired go to the
-- rescuer, as if their claims had run out; the others stay.
--
-- ARGV: 2 most of the first, 3 where to go on among the second, '0' at first, or '' when all were looked at. Answers how many
--   of the first and of the second went, and where to go on.
local ids = call('HRANDFIELD', P .. 'aside', tonumber(ARGV[2]))
for _, id in ipairs(ids) do
  later('HDEL', P .. 'aside', id)
  -- One that is gone cannot be archived by anybody.
  if call('EXISTS', P .. 't:' .. id) == 1 then later('ZADD', P .. 'ended', int(now()), id) end
end
local page, repaired = { '0', {} }, 0
if ARGV[3] ~= '' then page = call('HSCAN', P .. 'unreadable', ARGV[3], 'COUNT', 100) end
for i = 1, #page[2], 2 do
  local id = page[2][i]
  local task = load(id)
  local is_open = task and not ENDED[task.f.state]
  if not is_open or can_go_on(task) then
    later('HDEL', P .. 'unreadable', id)
    -- One that goes on already, because a signal or somebody's word brought it in line, is there or has a claim by now.
    local goes_on = is_open
      and (call('ZSCORE', P .. 'leases', id) or call('ZSCORE', P .. 'q:' .. (task.f.lane or ''), id))
    if is_open and not goes_on then
      lease(task, now())
      repaired = repaired + 1
    end
  end
end
commit()
return { #ids, repaired, page[1] ~= '0' and page[1] or '' }
