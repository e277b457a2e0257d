-- What every script that changes tasks is made of.
--
-- A script reads and decides first; its changes are kept in the tables below. `commit` then looks at every key that will
-- be written, and only after that writes: what could fail midway (a key of another type, a field that is no number)
-- fails before the first write. Redis itself refuses the whole script before it begins when it has no memory left, is a
-- replica or cannot write to its disk.
--
-- KEYS[1] is the prefix of the partition's keys, ARGV[1] the time of a test that turns it, or nothing.

local P, call = KEYS[1], redis.call

local SHOWN = {
  running = 'PROGRESS', waiting = 'WAITING', paused = 'PAUSED',
  succeeded = 'SUCCESS', failed = 'FAILURE', cancelled = 'CANCELLED',
}
local ENDED = { succeeded = true, failed = true, cancelled = true }
local BUSY = { queued = true, running = true }
local CANCELLING, PAUSING = 1, 2

-- Tasks as this script has read and changed them, by id; false for one that is not there.
local tasks = {}
-- Those of them that changed, in order.
local touched = {}
-- Other commands to be sent, in order; what is to be added to the counts; lanes that tasks left (true) or came into
-- (the earliest due time).
local writes, deltas, lanes = {}, {}, {}
-- Who is told: the line, running tasks.
local ring, rung = false, ''

local clock
local function now()
  if not clock then
    if ARGV[1] ~= '' then
      clock = tonumber(ARGV[1])
    else
      local time = call('TIME')
      clock = time[1] * 1000 + math.floor(time[2] / 1000)
    end
  end
  return clock
end

local function shown(f)
  if f.state == 'queued' then return f.started and 'PROGRESS' or 'PENDING' end
  return SHOWN[f.state]
end

local function load(id)
  local task = tasks[id]
  if task == nil then
    local flat = call('HGETALL', P .. 't:' .. id)
    task = false
    if #flat > 0 then
      local f = {}
      for i = 1, #flat, 2 do f[flat[i]] = flat[i + 1] end
      f.asked, f.takeovers = tonumber(f.asked or 0), tonumber(f.takeovers or 0)
      f.head, f.bytes = tonumber(f.head), tonumber(f.bytes)
      task = { id = id, f = f, set = {}, told = {}, count = 0, shown = shown(f) }
    end
    tasks[id] = task
  end
  return task
end

local function touch(task)
  if not task.touched then
    task.touched = true
    touched[#touched + 1] = task
  end
end

local function set(task, field, value)
  task.f[field], task.set[field] = value, value
  touch(task)
end

local function later(...) writes[#writes + 1] = { ... } end
local function add(field, by) deltas[field] = (deltas[field] or 0) + by end

-- Changes of state are counted by from and to, so that one change is one command.
local function go(task, state)
  local f = task.f
  local was = f.state or '-'
  add(was .. '>' .. state .. ' ' .. f.flow, 1)
  local busy = (BUSY[state] and 1 or 0) - (BUSY[was] and 1 or 0)
  if busy ~= 0 then add('busy ' .. f.tenant, busy) end
  set(task, 'state', state)
end

local function has(task, flag) return task.f.asked % (flag * 2) >= flag end

local function ask(task, flag, on)
  if has(task, flag) ~= on then set(task, 'asked', task.f.asked + (on and flag or -flag)) end
end

-- Puts bodies at the end of the log.
local function append(task, count, bodies)
  if count > 0 then
    task.told[#task.told + 1] = bodies
    task.count = task.count + count
    set(task, 'head', task.f.head + count)
  end
end

-- Appends what the store itself has to tell. Answers its number.
local function tell(task, body, status)
  append(task, 1, body)
  if status then set(task, 'summary', string.match(task.f.summary, '^%d+') .. ' ' .. status) end
  return task.f.head
end

local function leave_line(task)
  local lane = task.f.lane
  if lane and lane ~= '' then
    later('ZREM', P .. 'q:' .. lane, task.id)
    lanes[lane] = true
    set(task, 'lane', '')
    set(task, 'due', '')
  end
end

local function join_line(task, due)
  leave_line(task)
  local f = task.f
  local lane = f.priority .. (f.takeovers >= SUSPECT_TAKEOVERS and 's' or 'o') .. f.needs .. ' ' .. f.flow
  later('ZADD', P .. 'q:' .. lane, due, task.id)
  if lanes[lane] ~= true then lanes[lane] = math.min(due, lanes[lane] or due) end
  set(task, 'lane', lane)
  set(task, 'due', due)
  ring = true
end

-- Takes the claim from whoever holds it.
local function let_go(task)
  if task.f.claim and task.f.claim ~= '' then
    later('ZREM', P .. 'leases', task.id)
    set(task, 'claim', '')
  end
end

-- An outsider wrote into the log: a parked task that waits for it is due, a running one is told. A wait is a line of the
-- waits that were stored with the park.
local function wake(task, one, other)
  local f = task.f
  if f.state == 'running' then
    rung = rung .. task.id
  elseif f.state == 'waiting' and one then
    local due = f.due or ''
    if due ~= '' and tonumber(due) <= now() then return end
    local waits = call('GET', P .. 'w:' .. task.id) or ''
    if string.find(waits, one, 1, true) or (other and string.find(waits, other, 1, true)) then
      join_line(task, now())
    end
  end
end

-- Commands that fail on a key of another type, and the command that tells.
local READS = {
  ZADD = 'ZCARD', ZREM = 'ZCARD', HSET = 'HLEN', HDEL = 'HLEN', RPUSH = 'LLEN', LTRIM = 'LLEN', SADD = 'SCARD',
  SREM = 'SCARD',
}

local function look_at_all(fields)
  local seen = {}
  local function look(command, key)
    if READS[command] and not seen[key] then
      seen[key] = true
      call(READS[command], key)
    end
  end
  for _, write in ipairs(writes) do look(write[1], write[2]) end
  for _, task in ipairs(touched) do
    if task.count > 0 then look('RPUSH', P .. 'l:' .. task.id) end
  end
  if next(lanes) then look('ZADD', P .. 'lanes') end
  if #fields > 0 then
    for i, value in ipairs(call('HMGET', P .. 'counts', unpack(fields))) do
      if value and not tonumber(value) then error('the count of ' .. fields[i] .. ' is no number') end
    end
  end
end

-- What was told becomes one element of the log: the first number and the count, then a body on each line.
local function make_page(task)
  if task.count > 0 then
    task.title = (task.f.head - task.count + 1) .. ' ' .. task.count
    task.page = task.title .. '\n' .. table.concat(task.told, '\n')
    set(task, 'bytes', task.f.bytes + #task.page)
  end
  if task.set.ended then add('unarchived', task.f.bytes) end
end

local function store(task)
  if task.page then call('RPUSH', P .. 'l:' .. task.id, task.page) end
  local fields = {}
  for field, value in pairs(task.set) do
    fields[#fields + 1] = field
    fields[#fields + 1] = value
  end
  call('HSET', P .. 't:' .. task.id, unpack(fields))
  -- What is long is read by who wants it.
  if task.page then
    call('SPUBLISH', P .. 'log:' .. task.id, #task.page <= MOST_PUBLISHED and task.page or task.title)
  end
end

-- The score of a lane among the lanes is that of its first task.
local function settle_lane(lane, due)
  if due == true then
    local first = call('ZRANGE', P .. 'q:' .. lane, 0, 0, 'WITHSCORES')
    if first[2] then call('ZADD', P .. 'lanes', first[2], lane) else call('ZREM', P .. 'lanes', lane) end
  else
    call('ZADD', P .. 'lanes', 'LT', due, lane)
  end
end

local function change_of(task)
  local f = task.f
  return task.id .. ' ' .. shown(f) .. ' ' .. #f.tenant .. ' ' .. #f.flow .. '\n' .. f.tenant .. f.flow
end

local function commit()
  for _, task in ipairs(touched) do make_page(task) end
  local fields = {}
  for field in pairs(deltas) do fields[#fields + 1] = field end
  look_at_all(fields)
  for _, write in ipairs(writes) do call(unpack(write)) end
  local changes = ''
  for _, task in ipairs(touched) do
    store(task)
    if shown(task.f) ~= task.shown then changes = changes .. change_of(task) end
  end
  for lane, due in pairs(lanes) do settle_lane(lane, due) end
  for field, by in pairs(deltas) do call('HINCRBY', P .. 'counts', field, by) end
  if changes ~= '' then call('SPUBLISH', P .. 'changes', changes) end
  if ring or rung ~= '' then call('SPUBLISH', P .. 'bell', (ring and 'l' or '-') .. rung) end
end

