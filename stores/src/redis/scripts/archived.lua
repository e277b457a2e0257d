-- Takes ended tasks out of those that are to be archived: they are, or they cannot be. What is archived is counted where
-- it is kept, and no longer here. What cannot be is in the way as what waits is: its bytes stay counted.
--
-- Answers how many bytes stay here of all that is archived.
--
-- ARGV: 2 how long they are kept when they are archived, 3 why they cannot be or '', then ids, at most some thousands
local waiting, gone, kept = call('ZMSCORE', P .. 'ended', unpack(ARGV, 4)), {}, {}
local till = ARGV[3] == '' and int(now() + tonumber(ARGV[2]))
local counted, bytes = till and call('HGET', P .. 'counts', 'archived'), 0
for i, is_there in ipairs(waiting) do
  local id = ARGV[i + 3]
  if is_there then
    gone[#gone + 1] = id
    if ARGV[3] ~= '' then
      later('HSET', P .. 'aside', id, ARGV[3])
    else
      local f = call('HMGET', P .. 't:' .. id, 'bytes', 'state', 'flow')
      bytes = bytes + tonumber(f[1] or 0)
      kept[#kept + 1] = till
      kept[#kept + 1] = id
      if f[2] then add(f[2] .. '>- ' .. f[3], 1) end
    end
  end
end
local stays = (tonumber(counted or 0) or 0) + bytes
if #kept > 0 then
  add('unarchived', -bytes)
  -- What was archived before anybody counted: as much each as these, on average.
  if not counted then stays = stays + call('ZCARD', P .. 'archived') * math.floor(2 * bytes / #kept) end
  add('archived', stays - (tonumber(counted or 0) or 0))
end
later_in_pieces('ZREM', P .. 'ended', gone)
later_in_pieces('ZADD', P .. 'archived', kept)
commit()
return stays
