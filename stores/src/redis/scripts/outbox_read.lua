-- Reads notifications.
--
-- ARGV: 1 most bytes, then ids. Answers the fields of those that are within the bound, but at least one; nothing for one
-- that is not there.
local P, call, most = KEYS[1], redis.call, tonumber(ARGV[1])
local answer, bytes = {}, 0
for i = 2, #ARGV do
  local flat = call('HGETALL', P .. 'n:' .. ARGV[i])
  for j = 2, #flat, 2 do bytes = bytes + #flat[j] end
  if bytes > most and #answer > 0 then return answer end
  answer[#answer + 1] = flat
end
return answer
