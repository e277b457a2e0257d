-- Stores what became of an attempt to send.
--
-- ARGV: 2 id, 3 claim, 4 state, 5 for how long it is put off or '', 6 what was said, 7 '1' when nothing was tried
--
-- Answers 1, also to a repeat; 0 when the claim is stale.
local id, claim, state = ARGV[2], ARGV[3], ARGV[4]
local key = P .. 'n:' .. id
local n = call('HMGET', key, 'claim', 'state', 'settled', 'channel', 'attempts', 'tries', 'tenant')
if n[3] == claim then return 1 end
if n[1] ~= claim or n[2] ~= 'sending' then return 0 end
local line = P .. 'o:' .. n[4]
count_notification(n[7], 'sending', state)
later('HSET', key, 'state', state, 'claim', '', 'settled', claim)
if ARGV[7] == '1' then
  local due = now() + tonumber(ARGV[5])
  later('HSET', key, 'due', int(due), 'attempts', int(tonumber(n[5]) - 1), 'tries', int(tonumber(n[6] or n[5]) - 1))
  queue_notification(id, n[4], due)
elseif ARGV[5] ~= '' then
  local due = now() + tonumber(ARGV[5])
  later('HSET', key, 'due', int(due), 'error', ARGV[6])
  queue_notification(id, n[4], due)
else
  later('HSET', key, 'due', '', 'ended', int(now()), 'error', ARGV[6])
  later('ZREM', line, id)
  later('ZREM', P .. 'no', id)
  later('ZADD', P .. 'ne', int(now()), id)
end
commit()
return 1
