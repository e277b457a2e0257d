-- Reads a log from the element on that holds the event after `after`.
--
-- ARGV: 1 id, 2 after, 3 most bytes. Answers elements, the last of which is the first to go over the most bytes.
local P, call = KEYS[1], redis.call
local key, after, most = P .. 'l:' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local BITE = 32
local count = call('LLEN', key)
-- The first element is no part of the log.
local low, high = 1, count - 1
if after == 0 then high = 1 end
while low < high do
  local middle = math.ceil((low + high) / 2)
  local first = tonumber(string.match(call('LINDEX', key, middle), '^%d+'))
  if first <= after + 1 then low = middle else high = middle - 1 end
end
local pages, bytes = {}, 0
for from = low, count - 1, BITE do
  for _, page in ipairs(call('LRANGE', key, from, from + BITE - 1)) do
    pages[#pages + 1] = page
    -- What is before the first event asked for does not count: the first element is on the house.
    if #pages > 1 then bytes = bytes + #page end
    if bytes > most then return pages end
  end
end
return pages
