-- Reserves an idempotency key for a task that will be created in another partition; or answers the earlier use.
--
-- A key holds till when it counts, the hash of the body, the id, and a letter: d(one), r(eserved), or f(ree), when the
-- start it was reserved for was refused. Who repeats that start goes on by the same id all the same: another one that had
-- found the reservation may have got through meanwhile.
--
-- ARGV: 2 tenant, 3 key, 4 hash of the body, 5 id, 6 how long the key counts, 7 number of partitions its home was chosen
--   by, 8 '1' to look only
local P, call = KEYS[1], redis.call
local partitions = tonumber(call('GET', P .. 'partitions') or 1)
if ARGV[8] == '' and partitions > tonumber(ARGV[7]) then return { 'grown', tostring(partitions) } end
local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local key = P .. 'k:' .. ARGV[2] .. '\0' .. ARGV[3]
local stored = call('GET', key)
if stored then
  local till, hash, first, state = string.match(stored, '^(%d+) (%x+) (%S+) (%a)')
  if tonumber(till) > now then
    if hash == ARGV[4] then return { state == 'd' and 'd' or 'r', first } end
    if state ~= 'f' then return { 'other', first } end
  end
end
if ARGV[8] ~= '' then return { 'none', '' } end
call('SET', key, string.format('%d', now + tonumber(ARGV[6])) .. ' ' .. ARGV[4] .. ' ' .. ARGV[5] .. ' r', 'PX', ARGV[6])
return { 'r', ARGV[5] }
