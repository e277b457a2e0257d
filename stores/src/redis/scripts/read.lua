-- Reads whole tasks, each of one moment: its fields, its details, its waits. ARGV: ids.
local P, call = KEYS[1], redis.call
local answer = {}
for i, id in ipairs(ARGV) do
  local flat = call('HGETALL', P .. 't:' .. id)
  if #flat > 0 then
    answer[i] = { flat, call('LINDEX', P .. 'l:' .. id, 0) or '', call('GET', P .. 'w:' .. id) or '' }
  else
    answer[i] = {}
  end
end
return answer
