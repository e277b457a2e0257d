-- Takes a signal in: kept until it is consumed, whatever the task does meanwhile.
--
-- Of a task's signals these fields are kept: p<number> the name of one that waits to be consumed, n<name> how many of a
-- name wait, i<id> the number of one that its sender may repeat, a<name> that an approval was answered.
--
-- ARGV: 2 id, 3 tenant, 4 name, 5 the sender's id for it or '', 6 most that may wait, 7 '1' for an approval, 8 body,
--   9 the line of the waits that hears it, 10 how long the log may be for one more
--
-- Answers its number; '' when there is no such task; 'answered', 'many', or '!' and what is shown.
local task = load(ARGV[2])
if not task or task.f.tenant ~= ARGV[3] then return '' end
local name, sent_as, is_approval = ARGV[4], ARGV[5], ARGV[7] == '1'
local key = P .. 's:' .. task.id
local known = call('HMGET', key, 'n' .. name, 'a' .. name, 'i' .. sent_as)
if sent_as ~= '' and known[3] then return tonumber(known[3]) end
-- Whoever answers second learns that, also when the first answer has ended the task by now.
if is_approval and known[2] then return 'answered' end
if ENDED[task.f.state] then return '!' .. shown(task.f) end
local waiting = tonumber(known[1] or 0)
if waiting >= tonumber(ARGV[6]) or task.f.head >= tonumber(ARGV[10]) then return 'many' end

local seq = tell(task, ARGV[8])
later('HSET', key, 'p' .. seq, name, 'n' .. name, waiting + 1)
if sent_as ~= '' then later('HSET', key, 'i' .. sent_as, seq) end
if is_approval then later('HSET', key, 'a' .. name, 1) end
wake(task, ARGV[9])
commit()
return seq
