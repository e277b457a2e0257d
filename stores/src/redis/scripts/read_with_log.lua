-- Reads a task and, if that is short, its log: both of one moment.
--
-- ARGV: 1 id, 2 most bytes of a log that comes with its task, what never changes of the task included. Answers its
-- fields (`FIELDS` in `record.rs`), its waits, and elements of the log: all, or the first, which is no part of it.
local P, call, id = KEYS[1], redis.call, ARGV[1]
local key, log, short = P .. 't:' .. id, P .. 'l:' .. id, tonumber(ARGV[2])
-- What a log of more elements takes is not asked for.
local FEW = 16
local STATE, BYTES = 3, 18

local fields = call('HMGET', key, 'tenant', 'flow', 'state', 'priority', 'version', 'ran', 'asked', 'takeovers', 'head',
  'summary', 'due', 'started', 'ended', 'claim', 'worker', 'unique', 'parent', 'bytes')
local state = fields[STATE]
-- How long the log is was written down when the task ended.
local size = tonumber(fields[BYTES] or nil)
if not size and call('LLEN', log) <= FEW + 1 then size = call('MEMORY', 'USAGE', log, 'SAMPLES', '0') end
local last = size and size <= short and -1 or 0
local waits = state ~= 'running' and state ~= 'succeeded' and call('GET', P .. 'w:' .. id) or ''
return { fields, waits, call('LRANGE', log, 0, last) }
