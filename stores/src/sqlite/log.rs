//! The log, kept as pages: one row per write, its events' bodies on a line each.
//!
//! An entry's number follows from its place (the page's first number plus the line), so pages may be merged at any
//! time and every reader still gets the same events with the same numbers.

use std::borrow::Cow;

use caudal_engine::task::{LogEntry, Summary, TaskId};
use rusqlite::{Connection, OptionalExtension, params};

use super::columns::signed;
use super::fault::Fault;

/// The pages from the one that holds an event on.
const FROM_PAGE: &str = "SELECT page, first_seq, count, progress, status, bodies FROM log_pages WHERE task = ?1 \
    AND first_seq >= ifnull((SELECT max(first_seq) FROM log_pages WHERE task = ?1 AND first_seq <= ?2), 0) \
    ORDER BY first_seq";

/// Merged pages grow up to here.
const PAGE_BYTES: usize = 256 * 1024;

/// Bodies as a page holds them. A body is JSON, in which a raw line break can only stand between two tokens, so a
/// space says the same.
pub(super) fn page_of<S: AsRef<str>>(bodies: &[S]) -> String {
    let mut page = String::with_capacity(bodies.iter().map(|body| body.as_ref().len() + 1).sum());
    for (place, body) in bodies.iter().enumerate() {
        if place > 0 {
            page.push('\n');
        }
        page.push_str(&one_line(body.as_ref()));
    }
    page
}

fn one_line(body: &str) -> Cow<'_, str> {
    if body.contains('\n') { body.replace('\n', " ").into() } else { body.into() }
}

pub(super) struct NewPage<'a> {
    pub(super) task: i64,
    pub(super) first: u64,
    pub(super) count: usize,
    /// The task's summary after these events.
    pub(super) summary: &'a Summary,
    pub(super) bodies: &'a str,
}

pub(super) fn append(connection: &Connection, page: &NewPage<'_>) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO log_pages (task, first_seq, count, progress, status, bodies) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            page.task,
            signed(page.first),
            signed(page.count as u64),
            page.summary.progress,
            page.summary.status,
            page.bodies
        ])?;
    Ok(())
}

/// Merges the pages from the one that holds `from` on into as few as possible.
pub(super) fn compact(connection: &Connection, task: i64, from: u64) -> Result<(), Fault> {
    let mut merged: Option<Page> = None;
    for page in pages_from(connection, task, from)? {
        match &mut merged {
            Some(open) if open.bodies.len() + page.bodies.len() < PAGE_BYTES => {
                connection.prepare_cached("DELETE FROM log_pages WHERE page = ?1")?.execute([page.key])?;
                open.take_in(page);
            }
            _ => {
                if let Some(full) = merged.replace(page) {
                    full.save(connection)?;
                }
            }
        }
    }
    merged.map_or(Ok(()), |last| last.save(connection))
}

struct Page {
    key: i64,
    count: i64,
    progress: i64,
    status: String,
    bodies: String,
    grown: bool,
}

impl Page {
    fn take_in(&mut self, next: Self) {
        self.count += next.count;
        self.progress = next.progress;
        self.status = next.status;
        self.bodies.push('\n');
        self.bodies.push_str(&next.bodies);
        self.grown = true;
    }

    fn save(&self, connection: &Connection) -> Result<(), Fault> {
        if self.grown {
            connection
                .prepare_cached(
                    "UPDATE log_pages SET count = ?2, progress = ?3, status = ?4, bodies = ?5 WHERE page = ?1",
                )?
                .execute(params![self.key, self.count, self.progress, self.status, self.bodies])?;
        }
        Ok(())
    }
}

fn pages_from(connection: &Connection, task: i64, from: u64) -> Result<Vec<Page>, Fault> {
    let mut statement = connection.prepare_cached(FROM_PAGE)?;
    let pages = statement.query_map(params![task, signed(from)], |row| {
        let (key, count, progress) = (row.get(0)?, row.get(2)?, row.get(3)?);
        Ok(Page { key, count, progress, status: row.get(4)?, bodies: row.get(5)?, grown: false })
    })?;
    Ok(pages.collect::<Result<_, _>>()?)
}

/// The entries after `after`, at most `most_bytes` of bodies, but at least one if there is one.
pub(super) fn events(
    connection: &Connection,
    id: TaskId,
    after: u64,
    most_bytes: usize,
) -> Result<Vec<LogEntry>, Fault> {
    let Some(task) = key_of(connection, id)? else { return Ok(Vec::new()) };
    let mut statement = connection.prepare_cached(FROM_PAGE)?;
    let mut rows = statement.query(params![task, signed(after.saturating_add(1))])?;
    let mut entries: Vec<LogEntry> = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let first = row.get::<_, i64>(1)?.cast_unsigned();
        let bodies = row.get_ref(5)?.as_str().map_err(Fault::unreadable)?;
        for (seq, body) in (first..).zip(bodies.split('\n')).filter(|(seq, _)| *seq > after) {
            bytes += body.len();
            if bytes > most_bytes && !entries.is_empty() {
                return Ok(entries);
            }
            entries.push(LogEntry::new(seq, body));
        }
    }
    Ok(entries)
}

pub(super) fn last_event(connection: &Connection, id: TaskId) -> Result<Option<LogEntry>, Fault> {
    let Some(task) = key_of(connection, id)? else { return Ok(None) };
    let mut statement = connection.prepare_cached(
        "SELECT first_seq + count - 1, bodies FROM log_pages WHERE task = ?1 ORDER BY first_seq DESC LIMIT 1",
    )?;
    let mut rows = statement.query([task])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let bodies = row.get_ref(1)?.as_str().map_err(Fault::unreadable)?;
    let body = bodies.rsplit('\n').next().unwrap_or_default();
    Ok(Some(LogEntry::new(row.get::<_, i64>(0)?.cast_unsigned(), body)))
}

fn key_of(connection: &Connection, id: TaskId) -> Result<Option<i64>, Fault> {
    let mut statement = connection.prepare_cached("SELECT task FROM tasks WHERE id = ?1")?;
    Ok(statement.query_row([id.as_bytes()], |row| row.get(0)).optional()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::plans;
    use super::*;

    const ID: [u8; 16] = [1; 16];

    /// One task whose log was written in pages of these many events.
    fn written(pages: &[usize], bytes: usize) -> (Connection, Vec<String>) {
        let connection = plans::schema();
        connection
            .execute(
                "INSERT INTO tasks (task, id, tenant, flow, lane, state, created_at, version, ran_version, priority, \
                 cancelling, pausing, takeovers, epoch, claim, write_epoch, write_claim, write_number, write_first, \
                 write_head, head, progress, status) \
                 VALUES (1, ?1, 1, 1, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '')",
                [ID],
            )
            .unwrap();
        let mut all = Vec::new();
        for count in pages {
            let first = all.len() as u64 + 1;
            let bodies: Vec<String> = (0..*count).map(|n| format!("{{{}}}", "x".repeat(bytes * (n + 1)))).collect();
            let (summary, page) = (Summary::default(), page_of(&bodies));
            append(&connection, &NewPage { task: 1, first, count: *count, summary: &summary, bodies: &page }).unwrap();
            all.extend(bodies);
        }
        (connection, all)
    }

    fn read(connection: &Connection, after: u64, most_bytes: usize) -> Vec<(u64, String)> {
        let entries = events(connection, TaskId::from_bytes(ID), after, most_bytes).unwrap();
        entries.into_iter().map(|entry| (entry.seq, entry.body.to_string())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]
        /// Goal: however the pages lie, every reader gets the same events with the same numbers.
        #[test]
        fn any_layout_reads_the_same(
            pages in proptest::collection::vec(1_usize..5, 1..20),
            merges in proptest::collection::vec(0_u64..70, 0..6),
            bytes in prop_oneof![Just(0_usize), 1_usize..40, Just(30_000)],
        ) {
            let (connection, all) = written(&pages, bytes);
            for from in merges {
                compact(&connection, 1, from).unwrap();
                let expected: Vec<(u64, String)> = (1..).zip(all.iter().cloned()).collect();
                for after in 0..=expected.len() {
                    prop_assert_eq!(&read(&connection, after as u64, usize::MAX)[..], &expected[after..]);
                    let one = usize::from(after < expected.len());
                    prop_assert_eq!(&read(&connection, after as u64, 0)[..], &expected[after..after + one]);
                }
                let last = last_event(&connection, TaskId::from_bytes(ID)).unwrap().unwrap();
                prop_assert_eq!((last.seq, last.body.to_string()), expected[expected.len() - 1].clone());
            }
        }
    }

    /// Goal: a finished text of thousands of chunks leaves a handful of rows.
    #[test]
    fn merging_leaves_few_pages() {
        let (connection, _) = written(&[1; 4_000], 20);
        compact(&connection, 1, 2).unwrap();
        let rows: i64 = connection.query_row("SELECT count(*) FROM log_pages", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 2);
    }

    /// Goal: JSON that was sent with line breaks cannot be taken for two events.
    #[test]
    fn a_body_is_one_line() {
        assert_eq!(page_of(&["{\n\"a\": 1\n}", "{}"]), "{ \"a\": 1 }\n{}");
    }

    /// Goal: reading a log seeks to where it begins.
    #[test]
    fn reading_seeks() {
        plans::assert_seeks(FROM_PAGE, &plans::plan_of(FROM_PAGE));
    }
}
