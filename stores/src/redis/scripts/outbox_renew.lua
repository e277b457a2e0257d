-- Renews claims of notifications. One that ran out but was not taken by another is as good as any.
--
-- ARGV: 2 how long a claim lives, then id and claim of each. Answers 1 or 0 for each.
local P, call = KEYS[1], redis.call
local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local till, answers = string.format('%d', now + tonumber(ARGV[2])), {}
local held = {}
for i = 3, #ARGV, 2 do
  local n = call('HMGET', P .. 'n:' .. ARGV[i], 'claim', 'state', 'channel')
  local holds = n[1] == ARGV[i + 1] and n[2] == 'sending'
  if holds then
    local line = P .. 'o:' .. n[3]
    call('ZCARD', line)
    held[#held + 1] = { line, ARGV[i] }
  end
  answers[#answers + 1] = holds and 1 or 0
end
for _, one in ipairs(held) do call('ZADD', one[1], 'XX', till, one[2]) end
return answers
