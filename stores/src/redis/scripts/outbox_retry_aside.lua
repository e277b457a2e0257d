-- Puts notifications that could not be kept elsewhere back to those that are to be.
--
-- ARGV: 2 most. Answers how many that were.
local ids = call('HRANDFIELD', P .. 'nb', tonumber(ARGV[2]))
for _, id in ipairs(ids) do
  local ended = call('HGET', P .. 'n:' .. id, 'ended')
  later('HDEL', P .. 'nb', id)
  if ended and ended ~= '' then later('ZADD', P .. 'ne', int(tonumber(ended)), id) end
end
if #ids > 0 then commit() end
return #ids
