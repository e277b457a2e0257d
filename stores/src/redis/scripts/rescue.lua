-- Puts tasks whose claim died back in line, ends what was being cancelled, and goes on cancelling the children of ended
-- parents where one script was not enough.
--
-- Nobody is rescued in the first lease length after this server came up: workers could not renew while it was away.
-- A claim that is none brings the task here too (see `claim.lua`, `retry_aside.lua`): what it lacks is told from the rest,
-- or it is set aside. Some of that may have been told meanwhile by somebody else; in line it is not.
--
-- Which server it is and since when is kept beside the leases, and asked here, where nothing can come in between.
--
-- ARGV: 9 how long a claim lives, 10 most, 11..13 body of task.rescued around the worker and the takeovers, 14 its
--   sentence, 15 body of task.cancelled, 16.. how long a task stays in line after each takeover
local run_id = string.match(call('INFO', 'server'), 'run_id:(%x+)')
local known = call('HMGET', P .. 'server', 'run_id', 'since')
local length, most = tonumber(ARGV[9]), tonumber(ARGV[10])
local answer, odd = {}, {}
if known[1] ~= run_id then
  later('HSET', P .. 'server', 'run_id', run_id, 'since', int(now()))
  known[2] = now()
  most = 0
end

local function take_over(task)
  local f = task.f
  set(task, 'takeovers', f.takeovers + 1)
  for _, field in ipairs(task.mended or {}) do set(task, field, f[field]) end
  if has(task, CANCELLING) then
    tell(task, ARGV[15], ARGV[5])
    finish(task, 'cancelled')
  else
    -- One that lay parked makes its waits anew.
    if f.state == 'waiting' then later('UNLINK', P .. 'w:' .. task.id) end
    go(task, 'queued')
    let_go(task)
    lease(task, false)
    join_line(task, now() + tonumber(ARGV[15 + f.takeovers] or ARGV[#ARGV]))
    tell(task, ARGV[11] .. (f.worker or '""') .. ARGV[12] .. int(f.takeovers) .. ARGV[13], ARGV[14])
  end
  for _, value in ipairs({ task.id, f.tenant, f.flow, int(f.takeovers) }) do answer[#answer + 1] = value end
end

-- It stays as it is for somebody to look at.
local function set_aside(id)
  lease({ id = id }, false)
  later('HSET', P .. 'unreadable', id, 'it has no tenant, flow, state, version or log')
  odd[#odd + 1] = id
end

if tonumber(known[2]) + length <= now() then
  for _, id in ipairs(call('ZRANGE', P .. 'leases', '-inf', int(now()), 'BYSCORE', 'LIMIT', 0, most)) do
    local task = load(id)
    local state = task and task.f.state
    if task and not ENDED[state] and not can_go_on(task) then
      set_aside(id)
    elseif state == 'running' or state == 'queued' or state == 'waiting' then
      take_over(task)
    else
      lease({ id = id }, false)
    end
  end
end
for _, parent in ipairs(call('SRANDMEMBER', P .. 'orphans', 10)) do
  later('SREM', P .. 'orphans', parent)
  cancel_children(parent)
end
commit()
local first = call('ZRANGE', P .. 'leases', 0, 0, 'WITHSCORES')
return { first[2] and int(tonumber(first[2]) - now()) or '', call('SCARD', P .. 'orphans'), answer, odd }
