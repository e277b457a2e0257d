-- Sets a notification aside that cannot be read, so that it stands in nobody's way: it leaves its line and all figures, and
-- stays as it is for somebody to look at.
--
-- ARGV: 1 id, 2 why
local P, call, id = KEYS[1], redis.call, ARGV[1]
local key = P .. 'n:' .. id
local function field(name)
  local value = redis.pcall('HGET', key, name)
  return type(value) == 'string' and value or ''
end
local OPEN = { queued = true, sending = true, deferred = true }
local FINAL = { sent = true, failed = true, suppressed = true }
local state, tenant = field('state'), field('tenant')
if call('HEXISTS', P .. 'naside', id) == 1 then state = '' end
for _, line in ipairs({ 'o:m', 'o:w', 'no', 'ne' }) do call('ZREM', P .. line, id) end
call('HSET', P .. 'naside', id, ARGV[2])
if OPEN[state] or FINAL[state] then call('HINCRBY', P .. 'counts', 'n ' .. state .. '>-', 1) end
if OPEN[state] and tenant ~= '' then call('HINCRBY', P .. 'counts', 'open ' .. tenant, -1) end
return 1
