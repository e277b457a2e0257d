-- Forgets ended tasks with all that belongs to them; notifications that are still to be sent stay.
--
-- ARGV: 2 tenant that must own them or '', then ids. Answers what was freed, or at a single one that may not be forgotten
-- '' when there is no such task, '!' and what is shown when it has not ended, '?' when some of its children are still to be
-- cancelled: who does that must find them. Among several such a one is left for the next time.
local freed, archived = 0, 0
local changes = ''
for i = 3, #ARGV do
  local id = ARGV[i]
  local task = load(id)
  if not task or (ARGV[2] ~= '' and task.f.tenant ~= ARGV[2]) then
    if ARGV[2] ~= '' then return '' end
    later('ZREM', P .. 'ended', id)
    later('ZREM', P .. 'archived', id)
  elseif not ENDED[task.f.state] then
    if ARGV[2] ~= '' then return '!' .. shown(task.f) end
  elseif call('SISMEMBER', P .. 'orphans', id) == 1 then
    if ARGV[2] ~= '' then return '?' end
  else
    local f = task.f
    local bytes = tonumber(f.bytes or 0)
    freed = freed + bytes
    changes = changes .. change_of(task)
    if call('ZSCORE', P .. 'archived', id) then
      archived = archived + bytes
    else
      add(f.state .. '>- ' .. f.flow, 1)
    end
    if call('ZSCORE', P .. 'ended', id) or call('HEXISTS', P .. 'aside', id) == 1 then add('unarchived', -bytes) end
    later('ZREM', P .. 'ended', id)
    later('ZREM', P .. 'archived', id)
    later('ZREM', P .. 'a:' .. f.tenant, id)
    if LISTED[f.state] then later('ZREM', P .. 'i:' .. f.state .. ':' .. f.tenant, id) end
    later('HDEL', P .. 'aside', id)
    if f.parent then later('ZREM', P .. 'c:' .. string.sub(f.parent, 1, 36), id) end
    later('UNLINK', P .. 't:' .. id, P .. 'l:' .. id, P .. 's:' .. id, P .. 'c:' .. id, P .. 'w:' .. id)
  end
end
-- What was archived before anybody counted is taken from nothing.
if archived > 0 then
  local counted = tonumber(call('HGET', P .. 'counts', 'archived') or 0) or 0
  add('archived', -math.max(0, math.min(archived, counted)))
end
commit()
if changes ~= '' then call('SPUBLISH', P .. 'bell', '-\n' .. changes) end
return freed
