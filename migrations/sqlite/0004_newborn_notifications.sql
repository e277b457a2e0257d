-- Why: each index of the outbox is one more page in the commit of what tells somebody; here newborns wait to be put in line together.
-- Breaking: nothing.

CREATE TABLE newborn_notifications (
  newborn    INTEGER PRIMARY KEY,
  id         BLOB NOT NULL,
  tenant     INTEGER NOT NULL,
  task       BLOB,
  channel    INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  recipient  TEXT NOT NULL,
  body       TEXT NOT NULL
) STRICT;
