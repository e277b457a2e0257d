-- Sets a notification aside that cannot be read, so that it stands in nobody's way: it leaves its line and all figures, and
-- stays as it is for somebody to look at.
--
-- ARGV: 2 id, 3 why
local id = ARGV[2]
local key = P .. 'n:' .. id
local function field(name)
  local value = redis.pcall('HGET', key, name)
  return type(value) == 'string' and value or ''
end
local FINAL = { sent = true, failed = true, suppressed = true }
local state, tenant = field('state'), field('tenant')
if call('HEXISTS', P .. 'naside', id) == 1 then state = '' end
for _, line in ipairs({ 'o:m', 'o:w', 'no', 'ne' }) do later('ZREM', P .. line, id) end
later('HSET', P .. 'naside', id, ARGV[3])
if OPEN[state] or FINAL[state] then add('n ' .. state .. '>-', 1) end
if OPEN[state] and tenant ~= '' then add('open ' .. tenant, -1) end
commit()
return 1
