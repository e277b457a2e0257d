-- Forgets archived tasks with all that belongs to them, those that ended first; notifications that are still to be sent
-- stay. Nobody is told: each can be had as before, from where it is kept. One with children that are still to be cancelled
-- is left for the next time: who does that must find it.
--
-- ARGV: 2 those that are to stay until then at the latest, 3 how many bytes are to be freed, 4 most tasks. Answers how many
--   bytes were freed, and how many tasks are gone.
local ids = call('ZRANGE', P .. 'archived', '-inf', ARGV[2], 'BYSCORE', 'LIMIT', 0, ARGV[4])
if #ids == 0 then return { 0, 0 } end
local orphaned, much, bytes = call('SMISMEMBER', P .. 'orphans', unpack(ids)), tonumber(ARGV[3]), 0
local gone, keys, lists = {}, {}, {}
local function leave(list, id)
  lists[list] = lists[list] or {}
  table.insert(lists[list], id)
end
for i, id in ipairs(ids) do
  if bytes >= much then break end
  if orphaned[i] == 0 then
    local f = call('HMGET', P .. 't:' .. id, 'tenant', 'state', 'parent', 'bytes')
    if f[1] then leave(P .. 'a:' .. f[1], id) end
    if f[1] and LISTED[f[2]] then leave(P .. 'i:' .. f[2] .. ':' .. f[1], id) end
    if f[3] then leave(P .. 'c:' .. string.sub(f[3], 1, 36), id) end
    bytes = bytes + (tonumber(f[4] or 0) or 0)
    gone[#gone + 1] = id
    for _, kind in ipairs({ 't:', 'l:', 's:', 'c:', 'w:' }) do keys[#keys + 1] = P .. kind .. id end
  end
end
-- A process of an older version counts nothing: when all are gone, nothing is left.
local counted = tonumber(call('HGET', P .. 'counts', 'archived') or 0) or 0
local are_all = #gone == call('ZCARD', P .. 'archived')
add('archived', are_all and -counted or -math.max(0, math.min(bytes, counted)))
later_in_pieces('ZREM', P .. 'archived', gone)
for list, left_it in pairs(lists) do later_in_pieces('ZREM', list, left_it) end
later_in_pieces('UNLINK', keys[1], keys)
commit()
return { bytes, #gone }
