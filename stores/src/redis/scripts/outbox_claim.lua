-- Claims the notifications of a channel that are due longest. A claimed one stays in line for the time its claim runs out.
--
-- Nothing is taken from its holder in the first lease length after this server came up, as in rescue.lua: nobody could
-- renew or say what became of it while the server was away. Until then such a one is put back in line.
--
-- ARGV: 2 how long a claim lives, 3 channel, 4 most, then a random number for each claim
--
-- Answers when the next one that was not taken is due from now on, or '', of each channel: that spares the process that
-- sends in all of them the other questions. Then id, claim and fields of each that was taken; no claim of one that cannot be
-- given to anybody.
local channel, most = ARGV[3], tonumber(ARGV[4])
local line, till = P .. 'o:' .. channel, int(now() + tonumber(ARGV[2]))
local ids = {}
if most > 0 then ids = call('ZRANGE', line, '-inf', int(now()), 'BYSCORE', 'LIMIT', 0, most) end
local next_due = call('ZRANGE', line, #ids, #ids, 'WITHSCORES')[2]
local dues = {}
for i, letter in ipairs({ 'm', 'w' }) do
  dues[i] = letter ~= channel and call('ZRANGE', P .. 'o:' .. letter, 0, 0, 'WITHSCORES')[2]
end
local grace
local function in_grace()
  if not grace then
    local run_id = string.match(call('INFO', 'server'), 'run_id:(%x+)')
    local known = call('HMGET', P .. 'server', 'run_id', 'since')
    if known[1] ~= run_id then
      later('HSET', P .. 'server', 'run_id', run_id, 'since', int(now()))
      known[2] = now()
    end
    grace = tonumber(known[2]) + tonumber(ARGV[2])
  end
  return now() < grace
end

local answer = {}
for place, id in ipairs(ids) do
  local key = P .. 'n:' .. id
  -- What is no hash is nothing that could be sent.
  local flat, f = redis.pcall('HGETALL', key), {}
  for i = 1, #flat, 2 do f[flat[i]] = flat[i + 1] end
  if f.state == 'sending' and in_grace() then
    later('ZADD', line, int(grace), id)
    if not next_due or grace < tonumber(next_due) then next_due = grace end
  elseif OPEN[f.state] and not (f.tenant and tonumber(f.attempts or '') and tonumber(f.epoch or 0)) then
    answer[#answer + 1] = id
    answer[#answer + 1] = ''
    answer[#answer + 1] = flat
  elseif OPEN[f.state] then
    local epoch = int(tonumber(f.epoch or 0) + 1)
    local claim = epoch .. '.' .. ARGV[4 + place]
    count_notification(f.tenant, f.state, 'sending')
    later('HSET', key, 'state', 'sending', 'epoch', epoch, 'claim', claim, 'due', '',
      'attempts', int(tonumber(f.attempts) + 1), 'tries', int((tonumber(f.tries or f.attempts) or 0) + 1))
    later('ZADD', line, till, id)
    answer[#answer + 1] = id
    answer[#answer + 1] = claim
    answer[#answer + 1] = flat
  else
    -- It has no business here: nothing may stand in the way of those behind it.
    later('ZREM', line, id)
    later('ZREM', P .. 'no', id)
  end
end
if #ids > 0 then commit() end
for i, letter in ipairs({ 'm', 'w' }) do
  local due = letter == channel and next_due or dues[i]
  dues[i] = due and int(tonumber(due) - now()) or ''
end
return { dues, answer }
