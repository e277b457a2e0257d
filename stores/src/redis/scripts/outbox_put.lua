-- Stores the notifications of one wish that no task causes, unless its first id or its idempotency key names an earlier one.
--
-- ARGV: 2 tenant, 3 idempotency key or '', 4 hash of the body, 5 how long the key counts, 6 number of partitions that the
--   key's home was chosen by or '', 7 count of notifications, 8.. these
--
-- Answers 1 and the first id when they are new, 0 and the first id of the earlier ones, -1 when the key was used otherwise,
-- -4 when the number of partitions has grown, -5 and an id when the key is only reserved for that.
local NEW = 8
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
  local life = int(tonumber(ARGV[5]))
  later('SET', key, int(now() + life) .. ' ' .. ARGV[4] .. ' ' .. first .. ' d', 'PX', life)
end
local born = bear(NEW, tonumber(ARGV[7]), tenant, '')
commit()
return { born > 0 and 1 or 0, first }
