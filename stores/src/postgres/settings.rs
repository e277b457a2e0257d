//! What the kept part is opened with.

use std::time::Duration;

#[derive(Clone)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:5432/database`, with `?sslmode=…&sslrootcert=…` where it is far away.
    pub url: String,
    /// The schema that our tables are in, so that the database can be shared.
    pub schema: String,
    /// Connections that this process opens at most; it has none while nothing is asked.
    pub most_connections: u32,
    /// How long an operation waits for others to give a connection back; and then for Postgres to take one that is opened,
    /// before it counts as away.
    pub connect_patience: Duration,
    /// How long a statement may take.
    pub statement_patience: Duration,
}

impl PostgresSettings {
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            schema: "caudal".to_owned(),
            most_connections: 8,
            connect_patience: Duration::from_secs(2),
            statement_patience: Duration::from_secs(10),
        }
    }
}

/// The URL holds a password.
impl std::fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresSettings").field("schema", &self.schema).finish_non_exhaustive()
    }
}
