-- Keeps a value under a name unless there is one. ARGV: 1 name, 2 value. Answers the one that is kept.
local key, call = KEYS[1] .. 'shared', redis.call
local kept = call('HGET', key, ARGV[1])
if not kept then
  call('HSET', key, ARGV[1], ARGV[2])
  kept = ARGV[2]
end
return kept
