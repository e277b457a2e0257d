-- What every script that changes tasks is made of.
--
-- A script reads and decides first; its changes are kept in the tables below. `commit` then looks at every key that will
-- be written, and only after that writes: what could fail midway (a key of another type, a field that is no number)
-- fails before the first write. Redis itself refuses the whole script before it begins when it is a replica, cannot write
-- to its disk, or has no memory left; a script that may run without memory is not stopped midway for want of it either.
--
-- KEYS[1] is the prefix of the partition's keys, ARGV[1] the time of a test that turns it, or nothing.

local P, call = KEYS[1], redis.call

local SHOWN = {
  running = 'PROGRESS', waiting = 'WAITING', paused = 'PAUSED',
  succeeded = 'SUCCESS', failed = 'FAILURE', cancelled = 'CANCELLED',
}
local ENDED = { succeeded = true, failed = true, cancelled = true }
-- States that few tasks are in: those of each are listed.
local LISTED = { waiting = true, paused = true, failed = true, cancelled = true }
local BUSY = { queued = true, running = true }
local CANCELLING, PAUSING = 1, 2

-- Tasks as this script has read and changed them, by id; false for one that is not there.
local tasks = {}
-- Those of them that changed, in order.
local touched = {}
-- Who leaves and who comes into each lane, and when these are due, the first of them; until when claims live, or false for
-- those that end.
local left, joined, firsts_joined, leases = {}, {}, {}, nil
-- What is to be added to the counts; which of these are known to be numbers.
local deltas, counted = {}, {}
-- Other commands to be sent, in order.
local writes = {}
-- Keys that are known to be of the right type because they were read.
local looked = {}
-- Who is told: the line, running tasks, those who send notifications of a channel.
local ring, rung, senders = false, '', ''

-- As a command or a text wants it: a number of Lua's would be written as a fraction first, which takes long.
local function int(number) return string.format('%d', number) end

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

-- What a task lacks is told from the rest, where it can be: one odd task must keep no other from its end or its rescue.
-- Answers which fields that are, or nil. A head is that of the log's last element.
local function mend(f, id)
  local mended
  local function put(field, value)
    f[field], mended = value, mended or {}
    table.insert(mended, field)
  end
  if not string.find(f.head or '', '^%d+$') then
    local page = redis.pcall('LINDEX', P .. 'l:' .. id, -1)
    local first, count = string.match(type(page) == 'string' and page or '', '^(%d+) (%d+)\n')
    put('head', first and int(first + count - 1))
  end
  if not string.find(f.priority or '', '^[012]$') then put('priority', '1') end
  if not string.find(f.needs or '', '^%d+$') then
    -- Of the code that made it and the code that ran it last the newer: older code than that never runs it again.
    local made, ran = tonumber(string.match(f.version or '', '^%d+$')), tonumber(string.match(f.ran or '', '^%d+$'))
    if f.started and not ran then made = nil end
    put('needs', (made or ran) and int(math.max(made or ran, ran or made)))
  end
  if not string.find(f.summary or '', '^%d') then put('summary', '0 ' .. (f.summary or '')) end
  if f.ran and not string.find(f.ran, '^%d+$') then put('ran', '0') end
  if f.epoch and not string.find(f.epoch, '^%d+$') then put('epoch', string.match(f.claim or '', '^%d+') or '0') end
  return mended
end

local function load(id)
  local task = tasks[id]
  if task == nil then
    local flat = call('HGETALL', P .. 't:' .. id)
    task = false
    if #flat > 0 then
      local f = {}
      for i = 1, #flat, 2 do f[flat[i]] = flat[i + 1] end
      local mended = mend(f, id)
      -- What is no number counts as none.
      f.asked, f.takeovers = tonumber(f.asked or 0) or 0, tonumber(f.takeovers or 0) or 0
      f.head = tonumber(f.head)
      task = { id = id, f = f, set = {}, told = {}, count = 0, shown = shown(f), mended = mended }
    end
    tasks[id] = task
  end
  return task
end

-- Of others nobody can tell what they lack.
local function can_end(task) return task.f.tenant and task.f.flow and task.f.head and shown(task.f) end

-- Only these can be in line: of others nobody can tell which code may run them.
local function is_whole(task) return can_end(task) and task.f.needs end

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
  if LISTED[was] then later('ZREM', P .. 'i:' .. was .. ':' .. f.tenant, task.id) end
  if LISTED[state] then later('ZADD', P .. 'i:' .. state .. ':' .. f.tenant, '0', task.id) end
  set(task, 'state', state)
end

local function has(task, flag) return task.f.asked % (flag * 2) >= flag end

local function can_go_on(task) return is_whole(task) or (can_end(task) and has(task, CANCELLING)) end

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

-- Whether it was this script that put it there: then nothing was written of it yet. Thousands may be born and cancelled
-- together, so nothing is searched for.
local function takes_back(lane, id)
  local line = joined[lane]
  if not line or not line[id] then return false end
  line[id] = nil
  return true
end

local function leave_line(task)
  local lane = task.f.lane
  if lane and lane ~= '' then
    if not takes_back(lane, task.id) then
      left[lane] = left[lane] or {}
      table.insert(left[lane], task.id)
    end
    set(task, 'lane', '')
    set(task, 'due', '')
  end
end

local function lease(task, till)
  leases = leases or {}
  leases[task.id] = till
end

local function join_line(task, due)
  leave_line(task)
  local f = task.f
  -- Nobody can tell which code may run it: the rescuer sets it aside.
  if not f.needs then return lease(task, now()) end
  local lane = f.priority .. (f.takeovers >= SUSPECT_TAKEOVERS and 's' or 'o') .. f.needs .. ' ' .. f.flow
  joined[lane] = joined[lane] or {}
  joined[lane][task.id] = due
  set(task, 'lane', lane)
  set(task, 'due', int(due))
  ring = true
end

-- Takes the claim from whoever holds it.
local function let_go(task)
  if task.f.claim and task.f.claim ~= '' then
    lease(task, false)
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

local function change_of(task)
  local f = task.f
  return task.id .. ' ' .. shown(f) .. ' ' .. #f.tenant .. ' ' .. #f.flow .. '\n' .. f.tenant .. f.flow
end

-- What was told becomes one element of the log: the first number and the count, then a body on each line.
local function make_page(task)
  if task.count > 0 then
    task.title = int(task.f.head - task.count + 1) .. ' ' .. int(task.count)
    task.page = task.title .. '\n' .. table.concat(task.told, '\n')
    -- A new task's log begins with what never changes of it.
    local key = P .. 'l:' .. task.id
    if task.details then later('RPUSH', key, task.details, task.page) else later('RPUSH', key, task.page) end
  end
  if task.set.ended then
    local bytes = (call('MEMORY', 'USAGE', P .. 'l:' .. task.id, 'SAMPLES', '0') or 0) + #(task.page or '')
    set(task, 'bytes', bytes)
    add('unarchived', bytes)
  end
end

local function save(task)
  local fields, n = {}, 2
  fields[1], fields[2] = 'HSET', P .. 't:' .. task.id
  for field, value in pairs(task.set) do
    fields[n + 1], fields[n + 2] = field, type(value) == 'number' and int(value) or value
    n = n + 2
  end
  -- It was read: it is a hash.
  looked[fields[2]] = true
  writes[#writes + 1] = fields
end

-- Lua hands over only some thousands of values at once; thousands of children may be born together.
local AT_ONCE = 1000
local function later_in_pieces(command, key, values)
  for i = 1, #values, AT_ONCE do later(command, key, unpack(values, i, math.min(i + AT_ONCE - 1, #values))) end
end

local function save_lines()
  for lane, ids in pairs(left) do later_in_pieces('ZREM', P .. 'q:' .. lane, ids) end
  for lane, line in pairs(joined) do
    local newcomers = {}
    for newcomer, due in pairs(line) do
      newcomers[#newcomers + 1] = int(due)
      newcomers[#newcomers + 1] = newcomer
      firsts_joined[lane] = math.min(due, firsts_joined[lane] or due)
    end
    later_in_pieces('ZADD', P .. 'q:' .. lane, newcomers)
  end
  if leases then
    local live, dead = { 'ZADD', P .. 'leases' }, { 'ZREM', P .. 'leases' }
    for id, till in pairs(leases) do
      if till then
        live[#live + 1] = int(till)
        live[#live + 1] = id
      else
        dead[#dead + 1] = id
      end
    end
    if #live > 2 then writes[#writes + 1] = live end
    if #dead > 2 then writes[#writes + 1] = dead end
  end
end

local function save_counts()
  local unknown = {}
  for field, by in pairs(deltas) do
    if not counted[field] then unknown[#unknown + 1] = field end
    later('HINCRBY', P .. 'counts', field, int(by))
  end
  if #unknown > 0 then
    looked[P .. 'counts'] = true
    for i, value in ipairs(call('HMGET', P .. 'counts', unpack(unknown))) do
      if value and not tonumber(value) then error('the count of ' .. unknown[i] .. ' is no number') end
    end
  end
end

-- Commands that fail on a key of another type, and the command that tells.
local READS = {
  ZADD = 'ZCARD', ZREM = 'ZCARD', HSET = 'HLEN', HDEL = 'HLEN', HINCRBY = 'HLEN', RPUSH = 'LLEN', LTRIM = 'LLEN',
  SADD = 'SCARD', SREM = 'SCARD',
}

-- The first command may fail by itself: nothing was written before it.
local function look_at_all()
  for i = 2, #writes do
    local reads, key = READS[writes[i][1]], writes[i][2]
    if reads and not looked[key] then
      looked[key] = true
      call(reads, key)
    end
  end
end

-- The first due time of each lane that was touched.
local firsts = {}

-- The score of a lane among the lanes is that of its first task.
local function settle_lanes(scores)
  local key = P .. 'lanes'
  for lane in pairs(left) do
    local first = call('ZRANGE', P .. 'q:' .. lane, 0, 0, 'WITHSCORES')
    firsts[lane] = first[2] or false
    if first[2] then call('ZADD', key, first[2], lane) else call('ZREM', key, lane) end
  end
  for lane, first in pairs(firsts_joined) do
    if not left[lane] and (not scores[lane] or tonumber(scores[lane]) > first) then
      call('ZADD', key, int(first), lane)
    end
  end
end

local function tell_process()
  local changes = {}
  for _, task in ipairs(touched) do
    if task.page and not task.details then
      -- What is long is read by who wants it.
      call('SPUBLISH', P .. 'log:' .. task.id, #task.page <= MOST_PUBLISHED and task.page or task.title)
    end
    if shown(task.f) ~= task.shown then changes[#changes + 1] = change_of(task) end
  end
  changes = table.concat(changes)
  if ring or rung ~= '' or changes ~= '' or senders ~= '' then
    call('SPUBLISH', P .. 'bell', (ring and 'l' or '-') .. senders .. rung .. '\n' .. changes)
  end
end

local function commit()
  for _, task in ipairs(touched) do make_page(task) end
  for _, task in ipairs(touched) do save(task) end
  save_lines()
  save_counts()
  look_at_all()
  local scores = {}
  for lane in pairs(firsts_joined) do scores[lane] = call('ZSCORE', P .. 'lanes', lane) end
  if next(left) and not next(firsts_joined) and not looked[P .. 'lanes'] then call('ZCARD', P .. 'lanes') end
  for _, write in ipairs(writes) do call(unpack(write)) end
  settle_lanes(scores)
  tell_process()
end

