-- Says how the creation ended for which an idempotency key was reserved. The first who created something decides; all
-- are answered what stands. That nothing was created frees the key for another body and is no last word for this one.
--
-- ARGV: 1 tenant, 2 key, 3 hash of the body, 4 the reserved id, 5 the id that answers, or '' when nothing was created
local P, call = KEYS[1], redis.call
local key = P .. 'k:' .. ARGV[1] .. '\0' .. ARGV[2]
local stored = call('GET', key)
if not stored then return ARGV[5] end
local till, hash, first, state = string.match(stored, '^(%d+) (%x+) (%S+) (%a)')
if hash ~= ARGV[3] then return ARGV[5] end
if state == 'd' or first ~= ARGV[4] then return first end
local id, letter = ARGV[5], 'd'
if id == '' then id, letter = first, 'f' end
call('SET', key, till .. ' ' .. hash .. ' ' .. id .. ' ' .. letter, 'KEEPTTL')
return ARGV[5]
