-- Puts tasks that could not be archived back to those that are to be: whatever was wrong may be right by now. They stand
-- behind those that are waiting.
--
-- ARGV: 2 most. Answers how many that were.
local ids = call('HRANDFIELD', P .. 'aside', tonumber(ARGV[2]))
for _, id in ipairs(ids) do
  later('HDEL', P .. 'aside', id)
  -- One that is gone cannot be archived by anybody.
  if call('EXISTS', P .. 't:' .. id) == 1 then later('ZADD', P .. 'ended', int(now()), id) end
end
if #ids > 0 then commit() end
return #ids
