-- Takes ended tasks out of those that are to be archived: they are, or they cannot be. What is archived is counted where
-- it is kept, and no longer here. What cannot be is in the way as what waits is: its bytes stay counted.
--
-- ARGV: 2 how long they are kept when they are archived, 3 why they cannot be or '', then ids
for i = 4, #ARGV do
  local id = ARGV[i]
  if call('ZSCORE', P .. 'ended', id) then
    local f = call('HMGET', P .. 't:' .. id, 'bytes', 'state', 'flow')
    later('ZREM', P .. 'ended', id)
    if ARGV[3] ~= '' then
      later('HSET', P .. 'aside', id, ARGV[3])
    else
      add('unarchived', -tonumber(f[1] or 0))
      later('ZADD', P .. 'archived', int(now() + tonumber(ARGV[2])), id)
      if f[2] then add(f[2] .. '>- ' .. f[3], 1) end
    end
  end
end
commit()
return 1
