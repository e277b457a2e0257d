-- Ends a task that is in line and has no claim.
--
-- ARGV: 9 id, 10 body of task.failed, 11 its sentence, 12 count of notifications, then these
local task = load(ARGV[9])
if not task or task.f.state ~= 'queued' or not can_end(task) then return 0 end
tell(task, ARGV[10], ARGV[11])
bear(13, tonumber(ARGV[12]), task.f.tenant, ARGV[9])
finish(task, 'failed')
commit()
return 1
