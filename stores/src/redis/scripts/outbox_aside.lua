-- Takes notifications that have ended, and cannot be kept elsewhere, out of those that are to be.
--
-- ARGV: 2 why, then ids
for i = 3, #ARGV do
  if call('ZSCORE', P .. 'ne', ARGV[i]) then
    later('ZREM', P .. 'ne', ARGV[i])
    later('HSET', P .. 'nb', ARGV[i], ARGV[2])
  end
end
if #writes > 0 then commit() end
return 1
