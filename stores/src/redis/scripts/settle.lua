-- Says how the creation ended for which an idempotency key was reserved. The first to say it decides; all are answered
-- what stands.
--
-- ARGV: 1 tenant, 2 key, 3 hash of the body, 4 the reserved id, 5 the id that answers, or '' when nothing was created
local P, call = KEYS[1], redis.call
local key = P .. 'k:' .. ARGV[1] .. '\0' .. ARGV[2]
local stored = call('GET', key)
if not stored then return ARGV[5] end
local till, hash, first, state = string.match(stored, '^(%d+) (%x+) (%S+) (%a)')
if state ~= 'r' or hash ~= ARGV[3] or first ~= ARGV[4] then return first end
if ARGV[5] == '' then
  call('DEL', key)
else
  call('SET', key, till .. ' ' .. hash .. ' ' .. ARGV[5] .. ' d', 'KEEPTTL')
end
return ARGV[5]
