-- Why: what became of notifications, kept and searched long after the live part has let go of them.
-- Breaking: nothing.
--
-- channel: 0 mail, 1 webhook
-- state:   3 sent, 4 failed, 5 suppressed (as in migrations/sqlite)

CREATE TABLE notifications (
  id            uuid     PRIMARY KEY,
  tenant        text     COLLATE "C" NOT NULL,
  task          uuid,                 -- none when another program asked for it
  channel       smallint NOT NULL CHECK (channel BETWEEN 0 AND 1),
  state         smallint NOT NULL CHECK (state BETWEEN 3 AND 5),
  attempts      bigint   NOT NULL,
  recipient     text     NOT NULL,
  recipient_key text     COLLATE "C" NOT NULL,  -- however an address is written, it is one
  created_at    bigint   NOT NULL,
  queued_at     bigint   NOT NULL,
  ended_at      bigint   NOT NULL,
  error         text,
  body          bytea    NOT NULL     -- JSON
);

CREATE INDEX notifications_by_tenant    ON notifications (tenant, id);
-- Nearly all are sent in the end.
CREATE INDEX notifications_by_state     ON notifications (tenant, state, id) WHERE state <> 3;
CREATE INDEX notifications_by_recipient ON notifications (tenant, md5(recipient_key), id);
CREATE INDEX notifications_by_task      ON notifications (task, id) WHERE task IS NOT NULL;
CREATE INDEX notifications_by_end       ON notifications (ended_at, id);

-- How many are kept, so that nobody has to count them.
CREATE TABLE notification_counts (
  state         smallint PRIMARY KEY,
  notifications bigint   NOT NULL
);
