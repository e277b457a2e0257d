-- Claims the next due tasks that the worker knows. The lanes are merged by looking at their heads only.
--
-- ARGV: 2 how long a claim lives, 3 the worker as JSON, 4 'o' for ordinary tasks or 's' for suspects, 5 most, 6 turn,
--   7 body of task.claimed, 8 the summary of a task in line, 9 the one of a task that starts, 10 the order of the
--   priorities at each of 20 turns, 11 count of flows, then name, version and free places (or -1) of each, then a random
--   number for each claim
local kind, most, turn = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
-- Lanes that one claim looks at, those due longest first.
local MOST_LANES = 4096
local BITE = 16

local flows, free = {}, {}
local flow_count = tonumber(ARGV[11])
for i = 1, flow_count do
  local name = ARGV[9 + 3 * i]
  flows[name] = flows[name] or {}
  table.insert(flows[name], { place = i, version = tonumber(ARGV[10 + 3 * i]) })
  free[i] = tonumber(ARGV[11 + 3 * i])
  if free[i] < 0 then free[i] = math.huge end
end
local randoms = 11 + 3 * flow_count

-- The flow that knows tasks which need this version.
local function knower(name, needs)
  for _, flow in ipairs(flows[name] or {}) do
    if flow.version >= needs then return flow end
  end
end

local function read_on(lane)
  local bite = call('ZRANGE', P .. 'q:' .. lane.name, '-inf', now(), 'BYSCORE', 'LIMIT', lane.read, BITE, 'WITHSCORES')
  lane.front, lane.at, lane.read = bite, 1, lane.read + #bite / 2
end

local function head(lane) return lane.front[lane.at] end

local function step(lane)
  lane.at = lane.at + 2
  if not lane.front[lane.at] and #lane.front == 2 * BITE then read_on(lane) end
end

local open = {}
local entries = call('ZRANGE', P .. 'lanes', 0, MOST_LANES - 1, 'WITHSCORES')
for i = 1, #entries, 2 do
  local priority, of, needs, flow = string.match(entries[i], '^(%d)(%a)(%d+) (.*)$')
  local known = knower(flow, tonumber(needs))
  if known then
    local lane = { name = entries[i], priority = priority, kind = of, flow = known, due = tonumber(entries[i + 1]) }
    lane.read, lane.front, lane.at = 0, {}, 1
    if lane.due <= now() then read_on(lane) end
    open[#open + 1] = lane
  end
end

-- Of the priority whose turn it is, the lane whose first task is due longest.
local function next_lane(priority)
  local best
  for _, lane in ipairs(open) do
    if lane.priority == priority and lane.kind == kind and head(lane) and free[lane.flow.place] > 0 then
      local due = tonumber(lane.front[lane.at + 1])
      if not best or due < best.first or (due == best.first and head(lane) < head(best)) then
        best, lane.first = lane, due
      end
    end
  end
  return best
end

local claimed = {}
while #claimed < most do
  local priorities = string.sub(ARGV[10], (turn % 20) * 3 + 1, (turn % 20) * 3 + 3)
  local lane = next_lane(string.sub(priorities, 1, 1)) or next_lane(string.sub(priorities, 2, 2))
    or next_lane(string.sub(priorities, 3, 3))
  if not lane then break end
  local id = head(lane)
  local task = load(id)
  step(lane)
  if task and (task.f.state == 'queued' or task.f.state == 'waiting') and task.f.lane == lane.name then
    free[lane.flow.place] = free[lane.flow.place] - 1
    turn = turn + 1
    claimed[#claimed + 1] = { task = task, version = lane.flow.version }
  else
    -- It has no business here: nothing may stand in the way of those behind it.
    later('ZREM', P .. 'q:' .. lane.name, id)
    lanes[lane.name] = true
  end
end

local next_due, suspect_due
for _, lane in ipairs(open) do
  local candidate = lane.due
  if head(lane) then
    if lane.kind == 's' then suspect_due = true end
    candidate = now()
  end
  if lane.due <= now() and not (head(lane) and lane.kind == kind and free[lane.flow.place] > 0) then
    local first = call('ZRANGE', P .. 'q:' .. lane.name, '(' .. now(), '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
    candidate = tonumber(first[2])
  end
  if candidate and (not next_due or candidate < next_due) then next_due = candidate end
end

for place, taken in ipairs(claimed) do
  local task, f = taken.task, taken.task.f
  if f.state == 'waiting' then later('UNLINK', P .. 'w:' .. task.id) end
  go(task, 'running')
  leave_line(task)
  local epoch = tonumber(f.epoch or 0) + 1
  set(task, 'epoch', epoch)
  set(task, 'claim', epoch .. '.' .. ARGV[randoms + place])
  set(task, 'worker', ARGV[3])
  if taken.version > tonumber(f.ran or 0) then
    set(task, 'ran', taken.version)
    set(task, 'needs', math.max(taken.version, tonumber(f.needs)))
  end
  if not f.started then set(task, 'started', now()) end
  if f.summary == ARGV[8] then set(task, 'summary', ARGV[9]) end
  append(task, 1, ARGV[7])
  later('ZADD', P .. 'leases', now() + tonumber(ARGV[2]), task.id)
end

local answer = {}
for _, taken in ipairs(claimed) do
  answer[#answer + 1] = taken.task.id
  answer[#answer + 1] = call('GET', P .. 'd:' .. taken.task.id)
end
if #claimed > 0 or next(lanes) then commit() end
for place, taken in ipairs(claimed) do
  local flat = {}
  for field, value in pairs(taken.task.f) do
    flat[#flat + 1] = field
    flat[#flat + 1] = tostring(value)
  end
  answer[2 * place] = { answer[2 * place], flat }
end
local lease = call('ZRANGE', P .. 'leases', 0, 0, 'WITHSCORES')
return {
  next_due and tostring(next_due - now()) or '', suspect_due and 1 or 0,
  lease[2] and tostring(tonumber(lease[2]) - now()) or '', answer,
}
