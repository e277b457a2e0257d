-- Creates one task, unless its id, its idempotency key or its unique key names an earlier one.
--
-- ARGV: 2 most tasks of the tenant in line, 3 most unarchived bytes or '', 4 idempotency key or '', 5 hash of the body,
--   6 how long the key counts, 7 number of partitions that the keys' homes were chosen by or '', 8 how long it is
--   remembered what became of this id, when the key has its home elsewhere, or '', 9.. the task, 22 most notifications of
--   the tenant that are to be sent or ''
--
-- Answers 1 when it is new, 0 and the earlier id when it is not; -1 when the key was used otherwise, -2 when the line is
-- full, -3 when the archive is behind, -6 when too many notifications are to be sent, -4 when the number of partitions has
-- grown; -5 and an id when the key is only reserved for that, by one who may be gone (see `settle.lua`).
local NEW = 9
local id, tenant, unique = ARGV[NEW], ARGV[NEW + 1], ARGV[NEW + 11]

if load(id) then return { 0, id } end
if ARGV[7] ~= '' then
  local partitions = tonumber(call('GET', P .. 'partitions') or 1)
  if partitions > tonumber(ARGV[7]) then return { -4, tostring(partitions) } end
end
-- This very task was answered by another one before, or was there, and is forgotten by now: who created it may have gone
-- before it could say so at the key's home.
if ARGV[8] ~= '' then
  local met = call('GET', P .. 'm:' .. id)
  if met then return { 0, met } end
end

local key, first_use = P .. 'k:' .. tenant .. '\0' .. ARGV[4], false
if ARGV[4] ~= '' then
  local stored = call('GET', key)
  if stored then
    local till, hash, first, said = string.match(stored, '^(%d+) (%x+) (%S+) (%a)')
    if tonumber(till) > now() then
      if hash == ARGV[5] then return { said == 'd' and 0 or -5, first } end
      if said ~= 'f' then return { -1, first } end
    end
  end
  first_use = true
end
local function remember(first)
  if first_use then
    local life = int(tonumber(ARGV[6]))
    later('SET', key, int(now() + life) .. ' ' .. ARGV[5] .. ' ' .. first .. ' d', 'PX', life)
  end
end

if unique ~= '' then
  local holder = holder_of(unique_key(tenant, unique))
  if holder then
    -- The idempotency key's next use must answer the same, even when the holder has ended by then.
    remember(holder)
    if ARGV[8] ~= '' then later('SET', P .. 'm:' .. id, holder, 'PX', int(tonumber(ARGV[8]))) end
    commit()
    return { 0, holder }
  end
end

local busy, made = 'busy ' .. tenant, '->queued ' .. ARGV[NEW + 2]
local known = call('HMGET', P .. 'counts', busy, 'unarchived', made, 'open ' .. tenant)
counted[busy], counted[made], looked[P .. 'counts'] = true, tonumber(known[3] or 0), true
if tonumber(known[1] or 0) >= tonumber(ARGV[2]) then return { -2, id } end
if ARGV[3] ~= '' and tonumber(known[2] or 0) >= tonumber(ARGV[3]) then return { -3, id } end
if ARGV[22] ~= '' and tonumber(known[4] or 0) >= tonumber(ARGV[22]) then return { -6, id } end
remember(id)
if ARGV[8] ~= '' then later('SET', P .. 'm:' .. id, id, 'PX', int(tonumber(ARGV[8]))) end
birth(NEW)
commit()
return { 1, id }
