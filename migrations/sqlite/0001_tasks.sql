-- Why: the first schema: tasks, their logs, the line, signals, tags, keys that make a start repeatable, notifications.
-- Breaking: nothing, there is no earlier one.
--
-- Points in time are milliseconds since 1970. Ids are the 16 bytes of the UUID and sort by creation.
-- state:    0 queued, 1 running, 2 waiting, 3 paused, 4 succeeded, 5 failed, 6 cancelled
-- priority: 0 high, 1 normal, 2 low

-- Names that stand in every task are kept once, so that rows and indexes stay narrow.
CREATE TABLE tenants (tenant INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE flows   (flow   INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

-- A lane is a part of the line that a worker knows either wholly or not at all. A claim looks at the heads of the
-- lanes it knows, so that it never walks over tasks it must not take. `tasks` counts those in line, due or not.
CREATE TABLE lanes (
  lane     INTEGER PRIMARY KEY,
  flow     INTEGER NOT NULL,
  version  INTEGER NOT NULL,          -- the lowest version that may run the lane's tasks
  priority INTEGER NOT NULL,
  suspect  INTEGER NOT NULL,          -- 1: claimed alone, it may crash its worker
  tasks    INTEGER NOT NULL,
  UNIQUE (flow, version, priority, suspect)
) STRICT;

-- How many tasks are kept, so that nobody has to count them.
CREATE TABLE task_counts (
  tenant INTEGER NOT NULL,
  flow   INTEGER NOT NULL,
  state  INTEGER NOT NULL,
  tasks  INTEGER NOT NULL,
  PRIMARY KEY (tenant, flow, state)
) STRICT, WITHOUT ROWID;

-- What changes while a task runs. While it is running, head, status and progress are those of its newest log page.
CREATE TABLE tasks (
  task         INTEGER PRIMARY KEY,
  id           BLOB NOT NULL,
  tenant       INTEGER NOT NULL,
  flow         INTEGER NOT NULL,
  lane         INTEGER NOT NULL,
  state        INTEGER NOT NULL,
  due_at       INTEGER,               -- not null: in line
  created_at   INTEGER NOT NULL,
  started_at   INTEGER,
  ended_at     INTEGER,
  version      INTEGER NOT NULL,
  ran_version  INTEGER NOT NULL,
  priority     INTEGER NOT NULL,
  cancelling   INTEGER NOT NULL,
  pausing      INTEGER NOT NULL,
  takeovers    INTEGER NOT NULL,
  epoch        INTEGER NOT NULL,
  claim        INTEGER NOT NULL,      -- the random part of the newest claim
  worker       TEXT,                  -- who holds it, or held it last
  write_epoch  INTEGER NOT NULL,      -- the write that last let go of it, to answer its repeat:
  write_claim  INTEGER NOT NULL,      --   its claim,
  write_number INTEGER NOT NULL,      --   its number, 0 if there is none,
  write_first  INTEGER NOT NULL,      --   and its events
  write_head   INTEGER NOT NULL,
  head         INTEGER NOT NULL,
  progress     INTEGER NOT NULL,
  status       TEXT NOT NULL,
  parent       BLOB,
  parent_step  TEXT,
  unique_key   TEXT,
  waits        TEXT                   -- JSON; while it is parked
) STRICT;

CREATE UNIQUE INDEX tasks_by_id         ON tasks (id);
CREATE        INDEX tasks_by_tenant     ON tasks (tenant, id);
CREATE        INDEX tasks_by_flow       ON tasks (tenant, flow, id);
-- Nearly all tasks end well: leaving them out keeps this index as small as what one looks for with it.
CREATE        INDEX tasks_by_state      ON tasks (state, tenant, id) WHERE state <> 4;
CREATE        INDEX tasks_in_line       ON tasks (lane, due_at, id)  WHERE due_at IS NOT NULL;
CREATE        INDEX tasks_by_end        ON tasks (ended_at)          WHERE ended_at IS NOT NULL;
CREATE        INDEX tasks_by_parent     ON tasks (parent, id)        WHERE parent IS NOT NULL;
CREATE        INDEX tasks_by_unique_key ON tasks (tenant, unique_key)
  WHERE unique_key IS NOT NULL AND ended_at IS NULL;

-- What never changes, and may be large.
CREATE TABLE task_details (
  task     INTEGER PRIMARY KEY,
  retry_of BLOB,
  tags     TEXT,                      -- JSON array
  options  TEXT,                      -- JSON object
  input    TEXT NOT NULL
) STRICT;

CREATE TABLE task_tags (
  tenant INTEGER NOT NULL,
  tag    TEXT NOT NULL,
  id     BLOB NOT NULL,
  task   INTEGER NOT NULL,
  PRIMARY KEY (tenant, tag, id)
) STRICT, WITHOUT ROWID;

-- The log: one page per write, the events' bodies on a line each. Pages are appended in the order of time, whatever
-- the task, and found by the narrow index: a commit of many tasks' writes touches few pages of the file.
CREATE TABLE log_pages (
  page      INTEGER PRIMARY KEY,
  task      INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  count     INTEGER NOT NULL,
  progress  INTEGER NOT NULL,         -- the task's summary after these events
  status    TEXT NOT NULL,
  bodies    TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX log_pages_by_task ON log_pages (task, first_seq);

-- Signals that wait to be consumed; and consumed ones that must be known again: approvals, and those with an id.
CREATE TABLE signals (
  task  INTEGER NOT NULL,
  seq   INTEGER NOT NULL,             -- of its `signal.received`
  name  TEXT NOT NULL,
  id    TEXT,
  taken INTEGER NOT NULL,
  PRIMARY KEY (task, seq)
) STRICT, WITHOUT ROWID;
CREATE        INDEX signals_by_name ON signals (task, name, taken);
CREATE UNIQUE INDEX signals_by_id   ON signals (task, id) WHERE id IS NOT NULL;

CREATE TABLE idempotency_keys (
  tenant     INTEGER NOT NULL,
  key        TEXT NOT NULL,
  id         BLOB NOT NULL,
  body_hash  BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE notifications (
  id         TEXT PRIMARY KEY,
  task       BLOB NOT NULL,
  tenant     INTEGER NOT NULL,
  body       TEXT NOT NULL,
  state      TEXT NOT NULL DEFAULT 'queued',
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX notifications_by_task  ON notifications (task);
CREATE INDEX notifications_by_state ON notifications (state, created_at);

-- A write here tells whether writes succeed at all.
CREATE TABLE checks (one INTEGER PRIMARY KEY CHECK (one = 1), checked_at INTEGER NOT NULL) STRICT;
