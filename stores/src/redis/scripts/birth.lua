-- Making tasks. The arguments from `a` on describe one:
--   id, tenant, flow, priority, version, delay, how long the start was put off or '', count of bodies, bodies, summary,
--   details, unique key or '', parent or '', whether it goes on for its bearer
local NEWCOMER = 14

-- Who holds which unique key, as this script has changed it.
local holders = {}

local function unique_key(tenant, name) return P .. 'u:' .. tenant .. '\0' .. name end

local function holder_of(key)
  local holder = holders[key]
  if holder == nil then holder = call('GET', key) end
  return holder
end

local function free_unique(task)
  local f = task.f
  if f.unique then
    local key = unique_key(f.tenant, f.unique)
    if holder_of(key) == task.id then
      later('DEL', key)
      holders[key] = false
    end
  end
end

local children_born = {}

-- A child lives in its bearer's tenant; one that goes on for its bearer takes its place.
local function birth(a, bearer)
  local id, tenant, parent, unique = ARGV[a], ARGV[a + 1], ARGV[a + 12], ARGV[a + 11]
  if load(id) then return end
  if bearer then
    tenant = bearer.f.tenant
    if ARGV[a + 13] == '1' then parent = bearer.f.parent or '' end
  end
  local task = { id = id, told = {}, count = 0, details = ARGV[a + 10] }
  local f = {
    tenant = tenant, flow = ARGV[a + 2], priority = ARGV[a + 3], version = ARGV[a + 4], needs = ARGV[a + 4],
    head = 0, takeovers = 0, asked = 0, summary = ARGV[a + 9],
  }
  -- All of it is new: what is set is what there is.
  task.f, task.set = f, f
  tasks[id] = task
  if ARGV[a + 6] ~= '' then f.begins = now() + tonumber(ARGV[a + 6]) end
  if unique ~= '' then
    f.unique = unique
    local key = unique_key(tenant, unique)
    if not holder_of(key) then
      later('SET', key, id)
      holders[key] = id
    end
  end
  if parent ~= '' then
    f.parent = parent
    local of = string.sub(parent, 1, 36)
    later('ZADD', P .. 'c:' .. of, '0', id)
    children_born[of] = children_born[of] or {}
    table.insert(children_born[of], id)
  end
  later('ZADD', P .. 'a:' .. tenant, '0', id)
  go(task, 'queued')
  append(task, tonumber(ARGV[a + 7]), ARGV[a + 8])
  join_line(task, now() + tonumber(ARGV[a + 5]))
end

