-- Creates a task without a unique key and a parent: what `create.lua` does, with as few commands and tables as it can be
-- done with, because most tasks are such.
--
-- ARGV: as in `create.lua`
local P, call = KEYS[1], redis.call
local id, tenant, flow, idempotency = ARGV[9], ARGV[10], ARGV[11], ARGV[4]
local key, log, counts = P .. 't:' .. id, P .. 'l:' .. id, P .. 'counts'
local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

if call('HGET', key, 'state') then return { 0, id } end
local used
if idempotency ~= '' then
  local partitions = tonumber(call('GET', P .. 'partitions') or 1)
  if partitions > tonumber(ARGV[7]) then return { -4, tostring(partitions) } end
  used = P .. 'k:' .. tenant .. '\0' .. idempotency
  local stored = call('GET', used)
  if stored then
    local till, hash, first, said = string.match(stored, '^(%d+) (%x+) (%S+) (%a)')
    if tonumber(till) > now then
      if hash == ARGV[5] then return { said == 'd' and 0 or -5, first } end
      if said ~= 'f' then return { -1, first } end
    end
  end
end
local busy, made = 'busy ' .. tenant, '->queued ' .. flow
local known = call('HMGET', counts, busy, 'unarchived', made, 'open ' .. tenant)
if tonumber(known[1] or 0) >= tonumber(ARGV[2]) then return { -2, id } end
if ARGV[3] ~= '' and tonumber(known[2] or 0) >= tonumber(ARGV[3]) then return { -3, id } end
if ARGV[22] ~= '' and tonumber(known[4] or 0) >= tonumber(ARGV[22]) then return { -6, id } end

local due = string.format('%d', now + tonumber(ARGV[14]))
local lane = ARGV[12] .. 'o' .. ARGV[13] .. ' ' .. flow
local line, lanes, page = P .. 'q:' .. lane, P .. 'lanes', '1 ' .. ARGV[16] .. '\n' .. ARGV[17]
local begins = ARGV[15] ~= '' and string.format('%d', now + tonumber(ARGV[15]))
if not tonumber(known[3] or 0) then error('the count of ' .. made .. ' is no number') end
local life = string.format('%d', tonumber(ARGV[6]))
local till = string.format('%d', now + life)
local first = call('ZSCORE', lanes, lane)
local is_first = not first or tonumber(first) > tonumber(due)
call('ZCARD', line)
call('LLEN', log)
-- Everything that will be written was looked at, but for the first one: should that fail, nothing was written.
call('ZADD', P .. 'a:' .. tenant, '0', id)
call('RPUSH', log, ARGV[19], page)
call('HSET', key, 'tenant', tenant, 'flow', flow, 'priority', ARGV[12], 'version', ARGV[13], 'needs', ARGV[13],
  'head', ARGV[16], 'summary', ARGV[18], 'state', 'queued', 'lane', lane, 'due', due)
if begins then call('HSET', key, 'begins', begins) end
if used then call('SET', used, till .. ' ' .. ARGV[5] .. ' ' .. id .. ' d', 'PX', life) end
call('ZADD', line, due, id)
if is_first then call('ZADD', lanes, due, lane) end
call('HINCRBY', counts, busy, '1')
call('HINCRBY', counts, made, '1')
call('SPUBLISH', P .. 'bell', 'l\n' .. id .. ' PENDING ' .. #tenant .. ' ' .. #flow .. '\n' .. tenant .. flow)
return { 1, id }
