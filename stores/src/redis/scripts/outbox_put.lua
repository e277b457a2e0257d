-- Stores the notifications of one wish that no task causes, unless its first id or its idempotency key names an earlier one.
--
-- ARGV: 2 tenant, 3 idempotency key or '', 4 hash of the body, 5 how long the key counts, 6 number of partitions that the
--   key's home was chosen by or '', 7 most that are to be sent, 8 count of notifications, 9.. these
--
-- Answers 1 and the first id when they are new, 0 and the first id of the earlier ones, -1 when the key was used otherwise,
-- -4 when the number of partitions has grown, -5 and an id when the key is only reserved for that, -6 when too many are to
-- be sent.
local NEW = 9
local tenant, first = ARGV[2], ARGV[NEW]
if ARGV[6] ~= '' then
  local partitions = tonumber(call('GET', P .. 'partitions') or 1)
  if partitions > tonumber(ARGV[6]) then return { -4, tostring(partitions) } end
end
if ARGV[3] ~= '' then
  local key = P .. 'k:' .. tenant .. '\0' .. ARGV[3]
  local stored = call('GET', key)
  if stored then
    local till, hash, known, said = string.match(stored, '^(%d+) (%x+) (%S+) (%a)')
    if tonumber(till) > now() then
      if hash == ARGV[4] then return { said == 'd' and 0 or -5, known } end
      if said ~= 'f' then return { -1, known } end
    end
  end
end
if call('HLEN', P .. 'n:' .. first) > 0 then return { 0, first } end
if tonumber(call('HGET', P .. 'counts', 'open ' .. tenant) or 0) >= tonumber(ARGV[7]) then return { -6, first } end
if ARGV[3] ~= '' then
  local life = int(tonumber(ARGV[5]))
  later('SET', P .. 'k:' .. tenant .. '\0' .. ARGV[3], int(now() + life) .. ' ' .. ARGV[4] .. ' ' .. first .. ' d', 'PX', life)
end
local born = bear(NEW, tonumber(ARGV[8]), tenant, '')
commit()
return { born > 0 and 1 or 0, first }
