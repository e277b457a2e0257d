-- Claims the next due tasks that the worker knows. The lanes are merged by looking at their heads only.
--
-- ARGV: 2 how long a claim lives, 3 the worker as JSON, 4 'o' for ordinary tasks or 's' for suspects, 5 most, 6 turn,
--   7 body of task.claimed, 8 the summary of a task in line, 9 the one of a task that starts, 10 the order of the
--   priorities at each of 20 turns, 11 count of flows, then name, version and free places (or -1) of each, then a random
--   number for the claims: a claim is compared with others of its task alone
local P, call, int = KEYS[1], redis.call, string.format
local kind, most, turn = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
-- Lanes that one claim looks at, those due longest first.
local MOST_LANES = 4096
-- That are in line and cannot be claimed: one claim takes no more of them out of it. The next one goes on behind them.
local MOST_ODD = 256
-- Read of a lane at once. Not more than are asked for: to write down due times takes long.
local BITE = math.min(most, 16)

local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local now_text = int('%d', now)

-- The place among the worker's flows of one that knows tasks of this name and needs.
local flow_count, free = tonumber(ARGV[11]), {}
local function knower(name, needs)
  for at = 12, 11 + 3 * flow_count, 3 do
    if ARGV[at] == name and tonumber(ARGV[at + 1]) >= needs then return at end
  end
end

local function read_on(lane)
  local bite = call('ZRANGE', lane.line, '-inf', now_text, 'BYSCORE', 'LIMIT', lane.read, BITE, 'WITHSCORES')
  lane.front, lane.at, lane.read = bite, 1, lane.read + #bite / 2
end

local open = {}
local entries = call('ZRANGE', P .. 'lanes', 0, MOST_LANES - 1, 'WITHSCORES')
for i = 1, #entries, 2 do
  local priority, of, needs, flow = string.match(entries[i], '^(%d)(%a)(%d+) (.*)$')
  local flow_at = knower(flow, tonumber(needs))
  if flow_at then
    local lane = {
      name = entries[i], line = P .. 'q:' .. entries[i], priority = priority, kind = of, flow = flow_at,
      due = tonumber(entries[i + 1]), read = 0, front = {}, at = 1,
    }
    free[flow_at] = free[flow_at] or tonumber(ARGV[flow_at + 2])
    if most > 0 and lane.due <= now and of == kind then read_on(lane) end
    open[#open + 1] = lane
  end
end

-- Of the priority whose turn it is, the lane whose first task is due longest.
local function next_lane(priority)
  local best
  for _, lane in ipairs(open) do
    local id = lane.front[lane.at]
    if lane.priority == priority and id and free[lane.flow] ~= 0 then
      lane.first = tonumber(lane.front[lane.at + 1])
      if not best or lane.first < best.first or (lane.first == best.first and id < best.front[best.at]) then
        best = lane
      end
    end
  end
  return best
end

-- Reads what is claimed and says what will change.
local answer, changes, rings = {}, {}, ''
local live, waits, deltas, lines = { 'ZADD', P .. 'leases' }, { 'UNLINK' }, {}, {}
local till = int('%d', now + tonumber(ARGV[2]))

-- What is asked of a task, and answered: by number, because a table by name would cost more than all the rest.
local TENANT, FLOW, STATE, RAN, HEAD, SUMMARY, DUE, STARTED, CLAIM, WORKER = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
local EPOCH, NEEDS, LANE, PRIORITY = 11, 12, 13, 14

local function take(id, lane)
  local key, log = P .. 't:' .. id, P .. 'l:' .. id
  local t = call('HMGET', key, 'tenant', 'flow', 'state', 'ran', 'head', 'summary', 'due', 'started', 'claim', 'worker',
    'epoch', 'needs', 'lane', 'priority', 'version', 'asked', 'takeovers', 'unique', 'parent')
  local was, started, version = t[STATE], t[STARTED], ARGV[lane.flow + 1]
  if t[LANE] ~= lane.name or (was ~= 'queued' and was ~= 'waiting') then return false end
  -- One that makes no sense is told of and leaves the line: nobody can claim it, and it would keep all others from that.
  -- As if its claim had run out, the rescuer finds it: what it lacks is told from the rest, or it is set aside.
  if not (t[TENANT] and t[FLOW] and t[SUMMARY] and tonumber(t[HEAD] or '') and tonumber(t[NEEDS] or '')
    and tonumber(t[RAN] or 0) and tonumber(t[EPOCH] or 0) and string.find(t[PRIORITY] or '', '^[012]$')) then
    answer[#answer + 1] = id
    answer[#answer + 1] = { '', {} }
    live[#live + 1] = now_text
    live[#live + 1] = id
    return false
  end
  t[HEAD], t[EPOCH] = int('%d', tonumber(t[HEAD]) + 1), int('%d', tonumber(t[EPOCH] or 0) + 1)
  t[STATE], t[DUE], t[STARTED], t[WORKER] = 'running', '', started or now_text, ARGV[3]
  t[CLAIM] = t[EPOCH] .. '.' .. ARGV[#ARGV]
  if t[SUMMARY] == ARGV[8] then t[SUMMARY] = ARGV[9] end
  if tonumber(version) > tonumber(t[RAN] or 0) then
    t[RAN] = version
    if tonumber(version) > tonumber(t[NEEDS]) then t[NEEDS] = version end
  end
  changes[#changes + 1] = { id = id, key = key, log = log, page = t[HEAD] .. ' 1\n' .. ARGV[7], t = t }
  answer[#answer + 1] = id
  answer[#answer + 1] = { call('LINDEX', log, 0), t }
  live[#live + 1] = till
  live[#live + 1] = id
  local moved = was .. '>running ' .. t[FLOW]
  deltas[moved] = (deltas[moved] or 0) + 1
  if was == 'waiting' then
    waits[#waits + 1] = P .. 'w:' .. id
    changes[#changes].listed = P .. 'i:waiting:' .. t[TENANT]
    call('ZCARD', changes[#changes].listed)
    deltas['busy ' .. t[TENANT]] = (deltas['busy ' .. t[TENANT]] or 0) + 1
  end
  -- One that was claimed before shows the same to clients, unless it was parked.
  if not started or was == 'waiting' then
    rings = rings .. id .. ' PROGRESS ' .. #t[TENANT] .. ' ' .. #t[FLOW] .. '\n' .. t[TENANT] .. t[FLOW]
  end
  return true
end

local odd = 0
while #changes < most and odd < MOST_ODD do
  local at = (turn % 20) * 3
  local lane = next_lane(string.sub(ARGV[10], at + 1, at + 1)) or next_lane(string.sub(ARGV[10], at + 2, at + 2))
    or next_lane(string.sub(ARGV[10], at + 3, at + 3))
  if not lane then break end
  local id = lane.front[lane.at]
  lane.at = lane.at + 2
  if take(id, lane) then
    free[lane.flow] = free[lane.flow] - 1
    turn = turn + 1
  else
    odd = odd + 1
  end
  if not lane.front[lane.at] and #lane.front == 2 * BITE and #changes < most then read_on(lane) end
  -- One that has no business here goes too: nothing may stand in the way of those behind it.
  if not lane.left then
    lane.left = { 'ZREM', lane.line }
    lines[#lines + 1] = lane
  end
  lane.left[#lane.left + 1] = id
end

-- Whoever finds nothing here may be asking for notifications too.
local outbox = {}
if #lines == 0 then
  for i, line in ipairs({ 'o:m', 'o:w' }) do
    local first = call('ZRANGE', P .. line, 0, 0, 'WITHSCORES')
    outbox[i] = first[2] and int('%d', tonumber(first[2]) - now) or ''
  end
end

if #lines > 0 then
  -- Looks at everything that will be written and was not read yet, then writes.
  local counts = {}
  for field in pairs(deltas) do counts[#counts + 1] = field end
  if #counts > 0 then
    for _, value in ipairs(call('HMGET', P .. 'counts', unpack(counts))) do
      if value and not tonumber(value) then error('a count is no number') end
    end
  end
  if #live > 2 then call('ZCARD', P .. 'leases') end
  for _, lane in ipairs(lines) do
    call(unpack(lane.left))
    local first = call('ZRANGE', lane.line, 0, 0, 'WITHSCORES')
    lane.due = tonumber(first[2] or nil)
    if first[2] then call('ZADD', P .. 'lanes', first[2], lane.name) else call('ZREM', P .. 'lanes', lane.name) end
  end
  for _, change in ipairs(changes) do
    local t = change.t
    call('RPUSH', change.log, change.page)
    call('HSET', change.key, 'state', 'running', 'lane', '', 'due', '', 'head', t[HEAD], 'summary', t[SUMMARY],
      'started', t[STARTED], 'claim', t[CLAIM], 'worker', t[WORKER], 'epoch', t[EPOCH], 'ran', t[RAN], 'needs', t[NEEDS])
    if change.listed then call('ZREM', change.listed, change.id) end
    call('SPUBLISH', P .. 'log:' .. change.id, change.page)
  end
  if #live > 2 then call(unpack(live)) end
  if #waits > 1 then call(unpack(waits)) end
  for _, field in ipairs(counts) do call('HINCRBY', P .. 'counts', field, deltas[field]) end
  if rings ~= '' then call('SPUBLISH', P .. 'bell', '-\n' .. rings) end
end

local next_due, suspect_due
for _, lane in ipairs(open) do
  local due = lane.due
  if due and due <= now then
    if lane.kind == 's' then suspect_due = true end
    due = now
    if lane.kind ~= kind or free[lane.flow] == 0 then
      -- Who is due cannot be taken now: when does the next one come?
      local first = call('ZRANGE', lane.line, '(' .. now_text, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
      due = tonumber(first[2] or nil)
    end
  end
  if due and (not next_due or due < next_due) then next_due = due end
end
local lease = call('ZRANGE', P .. 'leases', 0, 0, 'WITHSCORES')
return {
  next_due and int('%d', next_due - now) or '', suspect_due and 1 or 0,
  lease[2] and int('%d', tonumber(lease[2]) - now) or '', outbox, #answer > 0 and cmsgpack.pack(answer) or '',
}
