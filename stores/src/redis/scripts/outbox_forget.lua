-- Forgets notifications that have ended: old ones, those of a forgotten task, those that are kept elsewhere by now.
--
-- ARGV: from 2 on id of each and when it ended, or '' whenever that was. One that was sent again since stays. What has not
--   ended, or is not there, is not listed as ended any more. Answers how many are gone.
local FINAL, gone = { sent = true, failed = true, suppressed = true }, 0
for i = 2, #ARGV, 2 do
  local id = ARGV[i]
  local key = P .. 'n:' .. id
  local n = call('HMGET', key, 'state', 'tenant', 'task', 'ended')
  local is_same = ARGV[i + 1] == '' or ARGV[i + 1] == n[4]
  if FINAL[n[1]] and is_same then
    -- One that was set aside is counted out already.
    if call('HEXISTS', P .. 'naside', id) == 1 then
      later('HDEL', P .. 'naside', id)
    else
      count_notification(n[2], n[1], '-')
    end
    later('ZREM', P .. 'na:' .. n[2], id)
    if n[3] and n[3] ~= '' then later('ZREM', P .. 'nt:' .. n[3], id) end
    later('UNLINK', key)
    later('HDEL', P .. 'nb', id)
    gone = gone + 1
  end
  if not FINAL[n[1]] or is_same then later('ZREM', P .. 'ne', id) end
end
if #writes > 0 then commit() end
return gone
