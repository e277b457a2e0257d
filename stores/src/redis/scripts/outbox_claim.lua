-- Claims the notifications of a channel that are due longest. A claimed one stays in line for the time its claim runs out.
--
-- ARGV: 2 how long a claim lives, 3 channel, 4 most, then a random number for each claim
--
-- Answers when the next one that was not taken is due from now on, or '', then id, claim and fields of each.
local channel, most = ARGV[3], tonumber(ARGV[4])
local line, till = P .. 'o:' .. channel, int(now() + tonumber(ARGV[2]))
local ids = {}
if most > 0 then ids = call('ZRANGE', line, '-inf', int(now()), 'BYSCORE', 'LIMIT', 0, most) end
local next_due = call('ZRANGE', line, #ids, #ids, 'WITHSCORES')[2]
local OPEN = { queued = true, sending = true, deferred = true }

local answer = {}
for place, id in ipairs(ids) do
  local key = P .. 'n:' .. id
  local flat, f = call('HGETALL', key), {}
  for i = 1, #flat, 2 do f[flat[i]] = flat[i + 1] end
  if OPEN[f.state] then
    local epoch = int(tonumber(f.epoch or 0) + 1)
    local claim = epoch .. '.' .. ARGV[4 + place]
    count_notification(f.state, 'sending')
    later('HSET', key, 'state', 'sending', 'epoch', epoch, 'claim', claim, 'due', '',
      'attempts', int(tonumber(f.attempts) + 1))
    later('ZADD', line, till, id)
    answer[#answer + 1] = id
    answer[#answer + 1] = claim
    answer[#answer + 1] = flat
  else
    -- It has no business here: nothing may stand in the way of those behind it.
    later('ZREM', line, id)
  end
end
if #ids > 0 then commit() end
return { next_due and tostring(tonumber(next_due) - now()) or '', answer }
