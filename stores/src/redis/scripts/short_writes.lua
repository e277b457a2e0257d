-- The writes that most writes are, of any tasks of the partition together: events of a running task that goes on, and ends
-- of tasks that have no parent, no children and no unique key. What `write.lua` does, made of as few commands and tables
-- as it can be. One of them that is not such a write, or cannot be applied, changes nothing, and holds up none of the others.
--
-- ARGV: 1 the time of a test or '', then of each: id, claim, claim and number, claim and the number before or '' at the
--   first, count of bodies, the page that they make if nobody else wrote meanwhile, summary, '1' when a step finished or
--   the state that ends it, what a client then sees or '' when it goes on, count of notifications, then id, channel,
--   recipient and body of each
--
-- Answers as `write.lua` for each; nothing for those that only `write.lua` can apply, or refuse.
local P, call, int = KEYS[1], redis.call, string.format
local counts = P .. 'counts'
-- What all of them do to what they share, done at the end in one go: who lets go of a claim, who goes into which set, what
-- is counted, who sends notifications, which tasks show another state.
local freed, joined, deltas, senders, changes = { 'ZREM', P .. 'leases' }, {}, {}, '', {}

-- Should a key be of another type than that, this fails, before anything is written to it.
local looked = {}
local function look(command, key)
  if not looked[key] then
    call(command, key)
    looked[key] = true
  end
end

local function look_at_count(field)
  if not deltas[field] then
    local value = call('HGET', counts, field)
    if value and not string.find(value, '^%-?%d+$') then error('the count of ' .. field .. ' is no number') end
    deltas[field] = 0
  end
end

local function join(set, score, member)
  local all = joined[set] or {}
  joined[set] = all
  all[#all + 1] = score
  all[#all + 1] = member
end

local clock
local function now()
  if not clock then
    clock = tonumber(ARGV[1])
    if not clock then
      local time = call('TIME')
      clock = time[1] * 1000 + math.floor(time[2] / 1000)
    end
    clock = int('%d', clock)
  end
  return clock
end

-- What to answer when this was applied already or the claim is stale; nil when it is to be applied.
local function answer_to(at, t)
  local last, same, claim, before = t[2] or '', ARGV[at + 2], ARGV[at + 1], ARGV[at + 3]
  if string.sub(last, 1, #same) == same then
    return tonumber(string.sub(last, #same + 1)) * 4 + tonumber(t[4] or 0)
  end
  if t[1] ~= claim then return -1 end
  if before == '' then
    if string.sub(last, 1, #claim + 1) == claim .. ' ' then return -1 end
  elseif string.sub(last, 1, #before) ~= before then
    return -1
  end
end

local function publish(id, page, title)
  call('SPUBLISH', P .. 'log:' .. id, #page <= MOST_PUBLISHED and page or title)
end

-- The page as it is kept, and its title. To make it anew is rare: Lua reads each byte of each text that it makes.
local function page_of(at, head)
  local title, page = int('%d %s', head + 1, ARGV[at + 4]), ARGV[at + 5]
  if string.sub(page, 1, #title + 1) ~= title .. '\n' then page = title .. string.sub(page, (string.find(page, '\n'))) end
  return page, title
end

local function go_on(at)
  local id, count = ARGV[at], ARGV[at + 4]
  local key = P .. 't:' .. id
  local t = call('HMGET', key, 'claim', 'write', 'head', 'asked', 'takeovers')
  local answer = answer_to(at, t)
  if answer then return answer end
  local head, asked = tonumber(t[3]), tonumber(t[4] or 0)
  local page, title
  if count ~= '0' then
    page, title = page_of(at, head)
    head = head + tonumber(count)
    -- The first write: should the key be of another type, nothing else was written.
    call('RPUSH', P .. 'l:' .. id, page)
  end
  local head_text = int('%d', head)
  if ARGV[at + 7] == '1' and t[5] and t[5] ~= '0' then
    call('HSET', key, 'write', ARGV[at + 2] .. head_text, 'head', head_text, 'summary', ARGV[at + 6], 'takeovers', '0')
  else
    call('HSET', key, 'write', ARGV[at + 2] .. head_text, 'head', head_text, 'summary', ARGV[at + 6])
  end
  if page then publish(id, page, title) end
  return head * 4 + asked
end

local function finish(at)
  local id, count, ends = ARGV[at], ARGV[at + 4], ARGV[at + 7]
  local key = P .. 't:' .. id
  local t = call('HMGET', key, 'claim', 'write', 'head', 'asked', 'parent', 'unique', 'tenant', 'flow')
  local answer = answer_to(at, t)
  if answer then return answer end
  if t[5] or t[6] or count == '0' or call('ZCARD', P .. 'c:' .. id) > 0 then return false end

  local tenant, flow, time = t[7], t[8], now()
  local busy, ended, listed = 'busy ' .. tenant, 'running>' .. ends .. ' ' .. flow, nil
  look('ZCARD', P .. 'leases')
  look('ZCARD', P .. 'ended')
  if ends ~= 'succeeded' then
    listed = P .. 'i:' .. ends .. ':' .. tenant
    look('ZCARD', listed)
  end
  look_at_count(busy)
  look_at_count(ended)
  look_at_count('unarchived')
  -- As `bear` does it: one that is there already is left as it is.
  local born, open = {}, 'open ' .. tenant
  for i = at + 10, at + 6 + 4 * tonumber(ARGV[at + 9]), 4 do
    if call('HLEN', P .. 'n:' .. ARGV[i]) == 0 then
      born[#born + 1] = i
      look('ZCARD', P .. 'o:' .. ARGV[i + 1])
    end
  end
  if #born > 0 then
    look('ZCARD', P .. 'na:' .. tenant)
    look('ZCARD', P .. 'no')
    look('ZCARD', P .. 'nt:' .. id)
    look_at_count('n ->queued')
    look_at_count(open)
  end
  local page, title = page_of(at, tonumber(t[3]))
  local head = tonumber(t[3]) + tonumber(count)
  local head_text, log = int('%d', head), P .. 'l:' .. id
  local size = (call('MEMORY', 'USAGE', log, 'SAMPLES', '0') or 0) + #page
  -- Everything that will be written was looked at, but for the first one: should that fail, nothing was written.
  call('RPUSH', log, page)
  call('HSET', key, 'write', ARGV[at + 2] .. head_text, 'head', head_text, 'bytes', int('%d', size),
    'summary', ARGV[at + 6], 'state', ends, 'asked', '0', 'claim', '', 'ended', time)
  freed[#freed + 1] = id
  join(P .. 'ended', time, id)
  if listed then join(listed, '0', id) end
  deltas[busy] = deltas[busy] - 1
  deltas[ended] = deltas[ended] + 1
  deltas.unarchived = deltas.unarchived + size
  for _, i in ipairs(born) do
    local new, channel = ARGV[i], ARGV[i + 1]
    call('HSET', P .. 'n:' .. new, 'tenant', tenant, 'task', id, 'channel', channel, 'recipient', ARGV[i + 2],
      'body', ARGV[i + 3], 'state', 'queued', 'created', time, 'queued', time, 'due', time, 'attempts', '0', 'tries', '0')
    join(P .. 'na:' .. tenant, '0', new)
    join(P .. 'no', time, new)
    join(P .. 'nt:' .. id, '0', new)
    join(P .. 'o:' .. channel, time, new)
    if not string.find(senders, channel, 1, true) then senders = senders .. channel end
  end
  if #born > 0 then
    deltas['n ->queued'] = deltas['n ->queued'] + #born
    deltas[open] = deltas[open] + #born
  end
  changes[#changes + 1] = id .. ' ' .. ARGV[at + 8] .. ' ' .. #tenant .. ' ' .. #flow .. '\n' .. tenant .. flow
  publish(id, page, title)
  return head * 4
end

-- Where each begins is known before anything is written.
local begins, begin = {}, 2
while begin <= #ARGV do
  begins[#begins + 1] = begin
  begin = begin + 10 + 4 * tonumber(ARGV[begin + 9])
end
local answers = {}
for i, at in ipairs(begins) do
  local is_applied, answer = pcall(ARGV[at + 8] == '' and go_on or finish, at)
  answers[i] = is_applied and answer
end
if #changes > 0 then
  call(unpack(freed))
  for set, all in pairs(joined) do
    -- Lua hands over only some thousands of values at once; one end may tell hundreds of people.
    for i = 1, #all, 1000 do call('ZADD', set, unpack(all, i, math.min(i + 999, #all))) end
  end
  for field, by in pairs(deltas) do
    if by ~= 0 then call('HINCRBY', counts, field, int('%d', by)) end
  end
  call('SPUBLISH', P .. 'bell', '-' .. senders .. '\n' .. table.concat(changes))
end
return answers
