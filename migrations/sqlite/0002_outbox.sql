-- Why: notifications are sent now: their line by channel, claims, what became of each; addresses that want none.
-- Breaking: notifications that were queued before this version, which nobody would have sent, are forgotten.
--
-- state:   0 queued, 1 sending, 2 deferred, 3 sent, 4 failed, 5 suppressed
-- channel: 0 mail, 1 webhook

DROP TABLE notifications;

CREATE TABLE notifications (
  notification INTEGER PRIMARY KEY,
  id           BLOB NOT NULL,
  tenant       INTEGER NOT NULL,
  task         BLOB,                  -- none when another program asked for it
  channel      INTEGER NOT NULL,
  state        INTEGER NOT NULL,
  due_at       INTEGER,               -- not null: in line
  created_at   INTEGER NOT NULL,
  queued_at    INTEGER NOT NULL,
  ended_at     INTEGER,
  attempts     INTEGER NOT NULL,
  epoch        INTEGER NOT NULL,      -- the newest claim; it belongs to the process that gave it
  claim        INTEGER NOT NULL,
  recipient    TEXT NOT NULL,
  error        TEXT,
  body         TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX notifications_by_id     ON notifications (id);
CREATE        INDEX notifications_by_tenant ON notifications (tenant, id);
-- Nearly all are sent in the end.
CREATE        INDEX notifications_by_state  ON notifications (state, tenant, id) WHERE state <> 3;
CREATE        INDEX notifications_in_line   ON notifications (channel, due_at)   WHERE due_at IS NOT NULL;
CREATE        INDEX notifications_by_task   ON notifications (task, id)          WHERE task IS NOT NULL;
CREATE        INDEX notifications_by_end    ON notifications (ended_at)          WHERE ended_at IS NOT NULL;

-- How many there are, so that nobody has to count them.
CREATE TABLE notification_counts (state INTEGER PRIMARY KEY, notifications INTEGER NOT NULL) STRICT;

-- Mails to an address within one hour; earlier hours are forgotten.
CREATE TABLE mails_per_hour (
  hour    INTEGER NOT NULL,
  tenant  INTEGER NOT NULL,
  address TEXT NOT NULL,
  mails   INTEGER NOT NULL,
  PRIMARY KEY (hour, tenant, address)
) STRICT, WITHOUT ROWID;

-- Addresses that want no mail.
CREATE TABLE suppressions (
  tenant  INTEGER NOT NULL,
  address TEXT NOT NULL,
  reason  TEXT NOT NULL,
  since   INTEGER NOT NULL,
  PRIMARY KEY (tenant, address)
) STRICT, WITHOUT ROWID;
