-- Takes ended tasks out of those that are to be archived: they are, or they cannot be.
--
-- ARGV: 2 how long they are kept when they are archived, 3 why they cannot be or '', then ids
for i = 4, #ARGV do
  local id = ARGV[i]
  if call('ZSCORE', P .. 'ended', id) then
    later('ZREM', P .. 'ended', id)
    add('unarchived', -tonumber(call('HGET', P .. 't:' .. id, 'bytes') or 0))
    if ARGV[3] ~= '' then
      later('HSET', P .. 'aside', id, ARGV[3])
    else
      later('ZADD', P .. 'archived', int(now() + tonumber(ARGV[2])), id)
    end
  end
end
commit()
return 1
