//! What only the outbox of SQLite has: rows that make no sense, and a database of an earlier version.

#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use caudal_engine::notification::{NotificationId, NotificationState};
use caudal_engine::ports::{NotificationFilter, NotificationOutbox, PutRefused, TaskStore};
use caudal_engine::task::{Limits, Tenant};
use caudal_engine::testing::conformance::Parts;
use caudal_engine::testing::outbox_conformance::{OutboxHarness, OutboxTrial};
use caudal_stores::sqlite::{DATABASE, SqliteSettings, SqliteStore};

struct Opened(Arc<SqliteStore>);

#[async_trait]
impl OutboxHarness for Opened {
    fn tasks(&self) -> Arc<dyn TaskStore> {
        self.0.clone()
    }

    fn outbox(&self) -> Arc<dyn NotificationOutbox> {
        self.0.clone()
    }

    async fn holders_die(&mut self) {}
}

fn open(folder: &Path, parts: &Parts) -> OutboxTrial {
    let Parts { clock, ids, bell, feed, limits } = parts.clone();
    let settings = SqliteSettings { limits, ..SqliteSettings::new(folder) };
    OutboxTrial::new(parts.clone(), Opened(Arc::new(SqliteStore::open(&settings, clock, ids, bell, feed).unwrap())))
}

/// Goal: a row that makes no sense is neither sent nor hides others: not in the line, not in a list, on no page.
#[tokio::test]
async fn an_unreadable_row_stands_in_nobodys_way() {
    let (folder, parts) = (tempfile::tempdir().unwrap(), Parts::default());
    let trial = open(folder.path(), &parts);
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(trial.put(&format!("a{number}@example.org")).await);
    }
    trial.outbox().outbox_stats().await.unwrap();
    drop(trial);
    let connection = rusqlite::Connection::open(folder.path().join(DATABASE)).unwrap();
    let broken = "UPDATE notifications SET body = '{' WHERE notification IN (1, 3, 4)";
    assert_eq!(connection.execute(broken, []).unwrap(), 3);
    drop(connection);
    let trial = open(folder.path(), &parts);
    let claimed = trial.claim_mails(10).await;
    assert_eq!(claimed.iter().map(|one| one.record.id).collect::<Vec<_>>(), [ids[1], ids[4], ids[5]]);
    let (mut listed, mut cursor) = (Vec::new(), None);
    for _ in 0..6 {
        let filter = NotificationFilter { cursor, limit: 1, ..trial.filter() };
        let page = trial.outbox().notifications(&filter).await.unwrap();
        listed.extend(page.items.iter().map(|record| record.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed, [ids[5], ids[4], ids[1]]);
}

/// Goal: an outbox that was filled by an earlier version is counted: it is full when it is, and its mails are tried on as
/// they were.
#[tokio::test]
async fn an_outbox_of_before_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(folder.path().join(DATABASE)).unwrap();
    let migrations = [
        ("0001_tasks", include_str!("../../migrations/sqlite/0001_tasks.sql")),
        ("0002_outbox", include_str!("../../migrations/sqlite/0002_outbox.sql")),
    ];
    connection
        .execute_batch("CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT")
        .unwrap();
    for (version, (name, sql)) in (1..).zip(migrations) {
        connection.execute_batch(sql).unwrap();
        connection.execute("INSERT INTO schema_migrations (version, name) VALUES (?1, ?2)", (version, name)).unwrap();
    }
    connection.execute("INSERT INTO tenants (tenant, name) VALUES (1, ?1)", [Tenant::default().as_str()]).unwrap();
    let id = |number: u8| NotificationId::from_bytes([number; 16]);
    // One deferred, one being sent when its process ended, one sent.
    for (number, state, due_at, ended_at) in [(1, 2, Some(0), None), (2, 1, None, None), (3, 3, None, Some(0))] {
        connection
            .execute(
                "INSERT INTO notifications (id, tenant, channel, state, due_at, created_at, queued_at, ended_at, attempts, \
                 epoch, claim, recipient, body) VALUES (?1, 1, 0, ?2, ?3, 0, 0, ?4, 3, 3, 0, 'a@example.org', '{}')",
                (id(number).as_bytes(), state, due_at, ended_at),
            )
            .unwrap();
    }
    connection.execute_batch("INSERT INTO notification_counts VALUES (1, 1), (2, 1), (3, 1)").unwrap();
    drop(connection);
    let limits = Limits { outbox_per_tenant: 3, ..Limits::default() };
    let trial = open(folder.path(), &Parts { limits, ..Parts::default() });
    trial.put("b@example.org").await;
    let refused = trial.outbox().put(&trial.tenant, vec![trial.new_mail("c@example.org")], None).await.unwrap();
    assert_eq!(refused, Err(PutRefused::OutboxFull));
    assert_eq!(trial.record(id(1)).await.tries, 3);
    let stats = trial.outbox().outbox_stats().await.unwrap();
    let count = |state| stats.counts.iter().find(|(of, _)| *of == state).map_or(0, |(_, count)| *count);
    use NotificationState as S;
    assert_eq!([S::Queued, S::Sending, S::Deferred, S::Sent].map(count), [2, 0, 1, 1]);
    assert_eq!(trial.claim_mails(10).await.len(), 3);
}

/// Goal: what was just born when its process ended is neither lost nor doubled by the next start, and counts at once.
#[tokio::test]
async fn newborns_outlive_their_process() {
    let (folder, limits) = (tempfile::tempdir().unwrap(), Limits { outbox_per_tenant: 2, ..Limits::default() });
    let parts = Parts { limits, ..Parts::default() };
    let trial = open(folder.path(), &parts);
    let ids = [trial.put("a@example.org").await, trial.put("b@example.org").await];
    drop(trial);
    let connection = rusqlite::Connection::open(folder.path().join(DATABASE)).unwrap();
    let count = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let newborns = count("SELECT count(*) FROM newborn_notifications");
    assert!(newborns > 0, "the test looks at what is not in line yet");
    // As if the process had ended between the two halves of an earlier version's work.
    connection
        .execute(
            "INSERT INTO newborn_notifications (id, tenant, channel, created_at, recipient, body) \
             SELECT id, tenant, channel, created_at, recipient, body FROM newborn_notifications LIMIT 1",
            [],
        )
        .unwrap();
    drop(connection);
    let trial = open(folder.path(), &parts);
    let refused = trial.outbox().put(&trial.tenant, vec![trial.new_mail("c@example.org")], None).await.unwrap();
    assert_eq!(refused, Err(PutRefused::OutboxFull));
    let claimed = trial.claim_mails(10).await;
    assert_eq!(claimed.iter().map(|one| one.record.id).collect::<Vec<_>>(), ids);
    let stats = trial.outbox().outbox_stats().await.unwrap();
    assert_eq!(stats.counts.iter().map(|(_, count)| count).sum::<u64>(), 2, "{stats:?}");
}
