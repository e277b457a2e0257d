-- Why: what is kept and searched: ended tasks with their logs, long after the live part has let go of them.
-- Breaking: nothing, there is no earlier one.
--
-- Points in time are milliseconds since 1970. Ids sort by creation.
-- state:    4 succeeded, 5 failed, 6 cancelled (as in migrations/sqlite)
-- priority: 0 high, 1 normal, 2 low
--
-- Texts stand here as they were written, but for NUL, which no text of Postgres can hold: U+001A begins an escape,
-- U+001A '0' stands for NUL and U+001A '1' for U+001A. Payloads are bytes.

CREATE TABLE tasks (
  id          uuid     PRIMARY KEY,
  tenant      text     COLLATE "C" NOT NULL,
  flow        text     COLLATE "C" NOT NULL,
  state       smallint NOT NULL CHECK (state BETWEEN 4 AND 6),
  version     bigint   NOT NULL,
  ran_version bigint   NOT NULL,
  priority    smallint NOT NULL,
  created_at  bigint   NOT NULL,
  started_at  bigint,
  ended_at    bigint   NOT NULL,
  takeovers   bigint   NOT NULL,
  head        bigint   NOT NULL,
  progress    smallint NOT NULL,
  status      text     NOT NULL,
  parent      uuid,
  parent_step text,
  retry_of    uuid,
  unique_key  text,
  tags        bytea,                  -- JSON array
  options     bytea,                  -- JSON object
  input       bytea    NOT NULL,      -- JSON
  search      text     COLLATE "C" NOT NULL,  -- in lower case: id, flow, status, the first 64 KiB of the input
  bytes       bigint   NOT NULL       -- what it takes with its log, about
);

CREATE INDEX tasks_by_tenant ON tasks (tenant, id);
CREATE INDEX tasks_by_flow   ON tasks (tenant, flow, id);
-- Nearly all tasks end well: leaving them out keeps these indexes as small as what one looks for with them.
CREATE INDEX tasks_by_state          ON tasks (tenant, state, id)       WHERE state <> 4;
CREATE INDEX tasks_by_flow_and_state ON tasks (tenant, flow, state, id) WHERE state <> 4;
CREATE INDEX tasks_by_parent         ON tasks (parent, id)              WHERE parent IS NOT NULL;
CREATE INDEX tasks_by_end            ON tasks (ended_at, id);

CREATE TABLE task_tags (
  id     uuid NOT NULL REFERENCES tasks ON DELETE CASCADE,
  tenant text COLLATE "C" NOT NULL,
  tag    text COLLATE "C" NOT NULL,
  PRIMARY KEY (id, tag)
);
CREATE INDEX task_tags_by_tag ON task_tags (tenant, tag, id);

-- The log: the events' bodies one after the other, U+001E between them, which cannot stand in JSON.
CREATE TABLE log_pages (
  id        uuid    NOT NULL REFERENCES tasks ON DELETE CASCADE,
  first_seq bigint  NOT NULL,
  bodies    bytea   NOT NULL,
  PRIMARY KEY (id, first_seq)
);

-- How many tasks are kept, so that nobody has to count them.
CREATE TABLE task_counts (
  flow  text     COLLATE "C" NOT NULL,
  state smallint NOT NULL,
  tasks bigint   NOT NULL,
  bytes bigint   NOT NULL,
  PRIMARY KEY (flow, state)
);
