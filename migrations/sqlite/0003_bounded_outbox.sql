-- Why: what is to be sent is bounded per tenant, so it is counted per tenant; and a retry by hand begins to count anew.
-- Breaking: nothing.

DROP TABLE notification_counts;

CREATE TABLE notification_counts (
  tenant        INTEGER NOT NULL,
  state         INTEGER NOT NULL,
  notifications INTEGER NOT NULL,
  PRIMARY KEY (tenant, state)
) STRICT, WITHOUT ROWID;

INSERT INTO notification_counts (tenant, state, notifications)
  SELECT tenant, state, count(*) FROM notifications GROUP BY tenant, state;

-- Attempts since it was queued last; `attempts` has all of them.
ALTER TABLE notifications ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
UPDATE notifications SET tries = attempts WHERE state <> 3;
