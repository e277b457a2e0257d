-- The write that most writes are: events of a running task that goes on. Made of as few commands as it can be.
--
-- ARGV: 1 id, 2 claim, 3 claim and number, 4 claim and the number before or '' at the first, 5 count of bodies, 6 bodies,
--   7 summary, 8 '1' when a step finished
--
-- Answers four times the log's head plus what is asked of the task; -1 when the claim is stale.
local P, call, id = KEYS[1], redis.call, ARGV[1]
local key, same = P .. 't:' .. id, ARGV[3]
local t = call('HMGET', key, 'claim', 'write', 'head', 'asked', 'takeovers')
local last, asked = t[2] or '', tonumber(t[4] or 0)
if string.sub(last, 1, #same) == same then
  return tonumber(string.sub(last, #same + 1)) * 4 + asked
end
if t[1] ~= ARGV[2] then return -1 end
if ARGV[4] == '' then
  if string.sub(last, 1, #ARGV[2] + 1) == ARGV[2] .. ' ' then return -1 end
elseif string.sub(last, 1, #ARGV[4]) ~= ARGV[4] then
  return -1
end

local head = tonumber(t[3])
local page, title
if ARGV[5] ~= '0' then
  title = string.format('%d %s', head + 1, ARGV[5])
  page = title .. '\n' .. ARGV[6]
  head = head + tonumber(ARGV[5])
  -- The first write: should the key be of another type, nothing else was written.
  call('RPUSH', P .. 'l:' .. id, page)
end
local head_text = string.format('%d', head)
if ARGV[8] == '1' and t[5] and t[5] ~= '0' then
  call('HSET', key, 'write', same .. head_text, 'head', head_text, 'summary', ARGV[7], 'takeovers', '0')
else
  call('HSET', key, 'write', same .. head_text, 'head', head_text, 'summary', ARGV[7])
end
if page then call('SPUBLISH', P .. 'log:' .. id, #page <= MOST_PUBLISHED and page or title) end
return head * 4 + asked
