-- Cancels, pauses or resumes a task: each may be repeated and then changes nothing.
--
-- ARGV: 9 id, 10 tenant, 11 cancel, pause or resume, 12 body of task.cancelling, 13 of task.cancelled, 14 of task.paused,
--   15 its sentence, 16 body of task.resumed, 17 its sentence
--
-- Answers the state; '' when there is no such task; '!' and what is shown when the state does not allow it.
local task, control = load(ARGV[9]), ARGV[11]
if not task or task.f.tenant ~= ARGV[10] then return '' end
local f = task.f
if ENDED[f.state] then
  if f.state == 'cancelled' and control == 'cancel' then return f.state end
  return '!' .. shown(f)
end

if control == 'cancel' then
  if ask_to_cancel(task, ARGV[12], ARGV[3], ARGV[13], ARGV[5]) then
    tell_parent(task)
    cancel_children(task.id)
  end
elseif control == 'pause' then
  -- One that is being cancelled goes on to its end: paused, nobody would bring it there.
  if has(task, CANCELLING) then
    return f.state
  elseif f.state == 'queued' or f.state == 'waiting' then
    go(task, 'paused')
    leave_line(task)
    ask(task, PAUSING, false)
    tell(task, ARGV[14], ARGV[15])
  elseif f.state == 'running' and not has(task, PAUSING) then
    ask(task, PAUSING, true)
    rung = rung .. task.id
  end
elseif f.state == 'paused' then
  go(task, 'queued')
  -- It makes its waits anew.
  later('UNLINK', P .. 'w:' .. task.id)
  -- A start that was put off stays put off.
  local begins = not f.started and tonumber(f.begins) or now()
  join_line(task, math.max(begins, now()))
  tell(task, ARGV[16], ARGV[17])
elseif has(task, PAUSING) then
  ask(task, PAUSING, false)
  wake(task)
end
commit()
return f.state
