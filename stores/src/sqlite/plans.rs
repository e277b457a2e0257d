//! For tests: how SQLite means to run a statement.

use rusqlite::Connection;

/// An empty database with the schema.
pub(super) fn schema() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    for (_, sql) in super::migrations::MIGRATIONS {
        connection.execute_batch(sql).unwrap();
    }
    connection
}

pub(super) fn plan_of(sql: &str) -> String {
    explain(&schema(), sql)
}

pub(super) fn explain(connection: &Connection, sql: &str) -> String {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let parameters = vec![rusqlite::types::Value::Null; statement.parameter_count()];
    let steps = statement.query_map(rusqlite::params_from_iter(parameters), |row| row.get::<_, String>(3)).unwrap();
    steps.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
}

pub(super) fn assert_seeks(sql: &str, plan: &str) {
    assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
}
