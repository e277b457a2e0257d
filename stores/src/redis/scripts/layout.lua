-- Says how the store is laid out, and lets it grow. KEYS[1] is the first partition's prefix.
--
-- ARGV: 1 the layout's version, 2 wanted number of partitions or '', 3 the number for a new store
--
-- Answers the version, and all numbers of partitions that ever were, the newest last.
local key, call = KEYS[1] .. 'layout', redis.call
local known = call('HMGET', key, 'version', 'partitions')
if not known[1] then
  known = { ARGV[1], ARGV[2] ~= '' and ARGV[2] or ARGV[3] }
  call('HSET', key, 'version', known[1], 'partitions', known[2])
elseif tonumber(known[1]) == tonumber(ARGV[1]) and ARGV[2] ~= '' then
  if tonumber(ARGV[2]) > tonumber(string.match(known[2], '%d+$')) then
    known[2] = known[2] .. ' ' .. ARGV[2]
    call('HSET', key, 'partitions', known[2])
  end
end
return known
