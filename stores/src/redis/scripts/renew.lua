-- Renews claims. One that ran out but was not taken over yet is as good as any.
--
-- Of a task whose log's head makes no sense nobody holds the claim: it runs out, and the rescuer tells the head from the
-- log.
--
-- ARGV: 2 how long a claim lives, then id and claim of each. Answers 1 or 0 and the log's head for each.
local P, call = KEYS[1], redis.call
local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local answers, held = {}, {}
for i = 3, #ARGV, 2 do
  local t = call('HMGET', P .. 't:' .. ARGV[i], 'claim', 'head')
  local head = string.match(t[2] or '', '^%d+$')
  local holds = head and t[1] == ARGV[i + 1]
  if holds then
    held[#held + 1] = string.format('%d', now + tonumber(ARGV[2]))
    held[#held + 1] = ARGV[i]
  end
  answers[#answers + 1] = holds and 1 or 0
  -- A gap would be filled by the next one's answer.
  answers[#answers + 1] = tonumber(head or 0)
end
for i = 1, #held, 1000 do call('ZADD', P .. 'leases', unpack(held, i, math.min(i + 999, #held))) end
return answers
