-- Any write of a running task.
--
-- ARGV: 9 id, 10 claim, 11 claim and number, 12 claim and the number before or '' at the first, 13 seen, 14 count of
--   bodies, 15 bodies, 16 summary, 17 '1' when a step finished, 18 what then: go, park, release, pause or the state that
--   ends it, 19 when it is due again, 'asked' for a pause that somebody asked for, or '', 20 waits, 21 '1' when it goes on in another task, 22 compact from or '',
--   23 count of signals, 24 of children, 25 of notifications, then these
--
-- Answers four times the log's head plus what is asked of the task; -1 when the claim is stale; -2 less when news came.
local id, claim, same, before = ARGV[9], ARGV[10], ARGV[11], ARGV[12]
local after, signals, children, notifications = ARGV[18], tonumber(ARGV[23]), tonumber(ARGV[24]), tonumber(ARGV[25])

local task = load(id)
if not task then return -1 end
local f = task.f
local last = f.write or ''
if string.sub(last, 1, #same) == same then return tonumber(string.sub(last, #same + 1)) * 4 + f.asked end
if f.claim ~= claim then return -1 end
if before == '' then
  if string.sub(last, 1, #claim + 1) == claim .. ' ' then return -1 end
elseif string.sub(last, 1, #before) ~= before then
  return -1
end

-- Whether something came that the worker must look at before it lets go. A pause adds no event before the worker has
-- brought the task there, so its flag is asked for; and a task that is being cancelled must not park or pause, because
-- nobody would end it. A pause that was taken back is not carried out. What goes on elsewhere takes along what came.
local longer = f.head > tonumber(ARGV[13])
if (after == 'park' and (longer or f.asked > 0))
  or (after == 'pause' and (longer or has(task, CANCELLING) or (ARGV[19] == 'asked' and not has(task, PAUSING))))
  or (after == 'release' and longer)
  or (ARGV[21] == '1' and longer) then
  return -2 - (f.head * 4 + f.asked)
end

-- Merges the log's elements from the one that holds `from` on into few.
local function compact(from)
  local key = P .. 'l:' .. id
  looked[key] = true
  -- The first element is no part of the log.
  local low, high = 1, call('LLEN', key) - 1
  while low < high do
    local middle = math.ceil((low + high) / 2)
    local first = tonumber(string.match(call('LINDEX', key, middle), '^%d+'))
    if first <= from then low = middle else high = middle - 1 end
  end
  local pages = call('LRANGE', key, low, -1)
  local merged, parts, first, count, bytes = {}, {}, nil, 0, 0
  local function close()
    if first then merged[#merged + 1] = first .. ' ' .. int(count) .. '\n' .. table.concat(parts, '\n') end
    parts, first, count, bytes = {}, nil, 0, 0
  end
  for _, page in ipairs(pages) do
    local page_first, page_count, at = string.match(page, '^(%d+) (%d+)\n()')
    if bytes + #page > MOST_MERGED then close() end
    first = first or page_first
    parts[#parts + 1] = string.sub(page, at)
    count, bytes = count + tonumber(page_count), bytes + #page
  end
  close()
  if #merged == #pages then return end
  later('LTRIM', key, 0, low - 1)
  for i = 1, #merged, 100 do later('RPUSH', key, unpack(merged, i, math.min(i + 99, #merged))) end
end

local function take_signals(a)
  local key, names = P .. 's:' .. id, {}
  for i = a, a + signals - 1 do
    local name = call('HGET', key, 'p' .. ARGV[i])
    if name then
      later('HDEL', key, 'p' .. ARGV[i])
      names[name] = (names[name] or 0) + 1
    end
  end
  for name, taken in pairs(names) do
    local remaining = tonumber(call('HGET', key, 'n' .. name) or 0) - taken
    if remaining > 0 then later('HSET', key, 'n' .. name, remaining) else later('HDEL', key, 'n' .. name) end
  end
end

if ARGV[22] ~= '' then compact(tonumber(ARGV[22])) end
append(task, tonumber(ARGV[14]), ARGV[15])
set(task, 'write', same .. int(f.head))
set(task, 'summary', ARGV[16])
if ARGV[17] == '1' then set(task, 'takeovers', 0) end
local at = 26
take_signals(at)
at = at + signals
local ends = ENDED[after]
-- A task that goes on in another leaves it its unique key.
if ends and children > 0 then free_unique(task) end
for i = 0, children - 1 do birth(at + i * NEWCOMER, task) end
bear(at + children * NEWCOMER, notifications, f.tenant, id)

if after == 'park' then
  go(task, 'waiting')
  let_go(task)
  later('SET', P .. 'w:' .. id, ARGV[20])
  if ARGV[19] ~= '' then join_line(task, now() + tonumber(ARGV[19])) end
elseif after == 'release' then
  go(task, 'queued')
  let_go(task)
  join_line(task, now() + tonumber(ARGV[19]))
elseif after == 'pause' then
  go(task, 'paused')
  let_go(task)
  ask(task, PAUSING, false)
elseif ends then
  finish(task, after, ARGV[21] == '1')
end
commit()
return f.head * 4 + f.asked
