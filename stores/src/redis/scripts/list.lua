-- Walks a tenant's tasks, newest first, and looks only at what is small of each.
--
-- ARGV: 1 tenant, 2 below this id or '', 3 the stored state whose list says them all or '', 4 what clients see of those that
--   are wanted, or '', 5 flow or '', 6 most that are found, 7 most that are looked at
--
-- Answers the last one that was looked at, or '' when there are no more; how many were; the ids that were found.
local P, call = KEYS[1], redis.call
local SHOWN = {
  running = 'PROGRESS', waiting = 'WAITING', paused = 'PAUSED',
  succeeded = 'SUCCESS', failed = 'FAILURE', cancelled = 'CANCELLED',
}
local flow, most, most_looked = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local wanted, is_all = {}, ARGV[4] == '' and flow == ''
for state in string.gmatch(ARGV[4], '%a+') do wanted[state] = true end
local set = P .. 'a:' .. ARGV[1]
-- Where tasks are older than the lists these say not all.
if ARGV[3] ~= '' and call('EXISTS', P .. 'listed') == 1 then set = P .. 'i:' .. ARGV[3] .. ':' .. ARGV[1] end

local function fits(id)
  if is_all then return true end
  local t = call('HMGET', P .. 't:' .. id, 'state', 'flow', 'started')
  local shown = SHOWN[t[1]]
  if t[1] == 'queued' then shown = t[3] and 'PROGRESS' or 'PENDING' end
  return (ARGV[4] == '' or wanted[shown]) and (flow == '' or flow == t[2])
end

local BITE = math.max(1, math.min(most, 200))
local below, looked, found = ARGV[2] == '' and '+' or '(' .. ARGV[2], 0, {}
while true do
  local bite = math.min(BITE, most_looked - looked)
  local ids = call('ZRANGE', set, below, '-', 'BYLEX', 'REV', 'LIMIT', 0, bite)
  for _, id in ipairs(ids) do
    looked = looked + 1
    if fits(id) then found[#found + 1] = id end
    if #found >= most then return { id, looked, found } end
  end
  if #ids < bite then return { '', looked, found } end
  below = '(' .. ids[#ids]
  if looked >= most_looked then return { ids[#ids], looked, found } end
end
