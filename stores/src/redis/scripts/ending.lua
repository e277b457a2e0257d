-- The end of a task, from whichever side it comes: its parent is told, its children are cancelled.
--
-- ARGV[2..5]: what is told of a child whose parent has ended: that it is being cancelled, the sentence for it, that it is
-- cancelled, the sentence for that. ARGV[6..8]: what a parent is told, around the step's key and the child's id.

-- Children that one script cancels; the rest is left to the rescuer.
local MOST_CANCELLED = 500

local function close(task, state)
  free_unique(task)
  if task.f.state == 'waiting' or task.f.state == 'paused' then later('UNLINK', P .. 'w:' .. task.id) end
  go(task, state)
  leave_line(task)
  let_go(task)
  set(task, 'asked', 0)
  set(task, 'ended', now())
  later('ZADD', P .. 'ended', int(now()), task.id)
  if task.f.parent then later('ZADD', P .. 'c:' .. string.sub(task.f.parent, 1, 36), '1', task.id) end
end

local function tell_parent(task)
  local f = task.f
  if not f.parent then return end
  local parent, step = load(string.sub(f.parent, 1, 36)), string.sub(f.parent, 38)
  -- One that lacks what nobody can tell is told, too: it may be repaired.
  if not parent or ENDED[parent.f.state] or not parent.f.head then return end
  tell(parent, ARGV[6] .. step .. ARGV[7] .. task.id .. ARGV[8])
  -- The parent of a continued task waits under the first one's id, but always under the same key.
  if can_end(parent) then wake(parent, '\nc' .. task.id .. '\n', '\nk' .. step .. '\n') end
end

-- Answers whether the task has ended by it.
local function ask_to_cancel(task, cancelling, asked, cancelled, ended)
  if not task or ENDED[task.f.state] or not can_end(task) then return false end
  if not has(task, CANCELLING) then
    ask(task, CANCELLING, true)
    tell(task, cancelling, asked)
  end
  if task.f.state == 'running' then
    rung = rung .. task.id
    return false
  end
  tell(task, cancelled, ended)
  close(task, 'cancelled')
  return true
end

local cancelled = 0

-- A list instead of a recursion: children have children.
local function cancel_children(id)
  local parents = { id }
  while #parents > 0 do
    local parent = table.remove(parents)
    local key = P .. 'c:' .. parent
    local most = MOST_CANCELLED - cancelled
    local open = call('ZRANGE', key, 0, 0, 'BYSCORE', 'LIMIT', 0, most + 1)
    for _, child in ipairs(children_born[parent] or {}) do open[#open + 1] = child end
    if #open > most then later('SADD', P .. 'orphans', parent) end
    for i = 1, math.min(#open, most) do
      cancelled = cancelled + 1
      if ask_to_cancel(load(open[i]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]) then parents[#parents + 1] = open[i] end
    end
  end
end

-- Ends a task whose terminal event is told already. What goes on in another task has not ended for its parent.
local function finish(task, state, goes_on)
  close(task, state)
  if not goes_on then tell_parent(task) end
  cancel_children(task.id)
end

