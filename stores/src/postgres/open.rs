//! Opening: reaching the server, bringing the schema to this version, and saying clearly what is wrong.

use std::str::FromStr;
use std::time::Duration;

use sqlx_core::connection::{ConnectOptions, Connection};
use sqlx_core::error::Error;
use sqlx_core::query_as::query_as;
use sqlx_postgres::{PgConnectOptions, PgConnection};
use thiserror::Error;

use super::fault::Fault;
use super::migrations;
use super::settings::PostgresSettings;

/// How long the server may take to answer at start.
const START: Duration = Duration::from_secs(4);
/// The oldest version that we are tested with is 15; nothing here needs more than this.
const OLDEST_SERVER: i32 = 130_000;

#[derive(Debug, Error)]
pub enum OpenError {
    #[error(
        "the address of the database cannot be read: {reason}. It looks like postgres://user:password@host:5432/database."
    )]
    Url { reason: String },
    #[error("'{schema}' cannot be the name of a schema: use up to 63 of a-z, 0-9 and _, a letter first.")]
    SchemaName { schema: String },
    #[error("Postgres cannot be reached at {place}: {reason}. Start it there, or correct the address.")]
    Unreachable { place: String, reason: String },
    #[error(
        "Postgres at {place} does not let the user '{user}' in: {reason}. Correct user and password in the address."
    )]
    Refused { place: String, user: String, reason: String },
    #[error(
        "Postgres at {place} has no database '{database}'. Create it (createdb {database}), or correct the address."
    )]
    NoDatabase { place: String, database: String },
    #[error(
        "The user '{user}' may not do what is needed in the database '{database}': {reason}. Run there, as its owner: \
         CREATE SCHEMA IF NOT EXISTS {schema}; GRANT ALL ON SCHEMA {schema} TO {user}; and give it the tables in it."
    )]
    Forbidden { user: String, database: String, schema: String, reason: String },
    #[error(
        "The database '{database}' was written by a newer version of Caudal: its schema '{schema}' is at {found}, this \
         version knows schemas up to {known}. Start the newer version, or use another database or schema."
    )]
    Newer { database: String, schema: String, found: i64, known: i64 },
    #[error(
        "Postgres at {place} can only be read (it is a standby, or set to read only). Give the address of the primary."
    )]
    ReadOnly { place: String },
    #[error("Postgres at {place} is {found}; {needed} is needed.")]
    Unfit { place: String, found: String, needed: &'static str },
    #[error("Postgres at {place} cannot be used: {reason}")]
    Other { place: String, reason: String },
}

pub(super) fn options_of(settings: &PostgresSettings) -> Result<PgConnectOptions, OpenError> {
    let letters = settings.schema.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if !letters || settings.schema.len() > 63 || !settings.schema.starts_with(|first: char| first.is_ascii_lowercase())
    {
        return Err(OpenError::SchemaName { schema: settings.schema.clone() });
    }
    if !settings.url.starts_with("postgres://") && !settings.url.starts_with("postgresql://") {
        return Err(OpenError::Url { reason: "it does not begin with postgres://".to_owned() });
    }
    let options = PgConnectOptions::from_str(&settings.url).map_err(|error| OpenError::Url {
        reason: match error {
            Error::Configuration(reason) => reason.to_string(),
            other => other.to_string(),
        },
    })?;
    let patience = settings.statement_patience.as_millis().to_string();
    let of_session = [
        ("search_path", settings.schema.as_str()),
        ("statement_timeout", &patience),
        ("lock_timeout", &patience),
        // Whoever is stopped amid an archiving must not keep all others from it.
        ("idle_in_transaction_session_timeout", "30000"),
    ];
    Ok(options.application_name("caudal").options(of_session).disable_statement_logging())
}

/// Makes sure that the database can serve, with the schema of this version.
pub(super) async fn prepare(settings: &PostgresSettings, options: &PgConnectOptions) -> Result<(), OpenError> {
    let place = Place::of(settings, options);
    let reached = tokio::time::timeout(START, async {
        let mut connection = reach(options).await.map_err(|error| place.explain(error.into()))?;
        place.ask(&mut connection).await?;
        Ok(connection)
    });
    let mut connection = reached.await.unwrap_or_else(|_| Err(place.unreachable("it does not answer")))?;
    migrations::run(&mut connection, &settings.schema, &place).await?;
    // Nothing hangs on a clean goodbye.
    let _ = connection.close().await;
    Ok(())
}

/// A server that is just starting up says so, and is waited for.
async fn reach(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    loop {
        match options.connect().await {
            Err(Error::Database(error)) if error.code().is_some_and(|code| code == "57P03") => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            reached => return reached,
        }
    }
}

/// Where we connect to, for sentences about it.
pub(super) struct Place<'a> {
    options: &'a PgConnectOptions,
    schema: &'a str,
}

impl<'a> Place<'a> {
    pub(super) fn of(settings: &'a PostgresSettings, options: &'a PgConnectOptions) -> Self {
        Self { options, schema: &settings.schema }
    }
}

impl Place<'_> {
    async fn ask(&self, connection: &mut PgConnection) -> Result<(), OpenError> {
        let asked = query_as(
            "SELECT current_setting('server_version_num')::int4, current_setting('server_version'), \
             current_setting('server_encoding'), pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'",
        );
        let (number, version, encoding, read_only): (i32, String, String, bool) =
            asked.fetch_one(connection).await.map_err(|error| self.explain(error.into()))?;
        if number < OLDEST_SERVER {
            let found = format!("version {version}");
            return Err(OpenError::Unfit { place: self.name(), found, needed: "version 13 or later" });
        }
        if encoding != "UTF8" {
            let found = format!("a database in the encoding {encoding}");
            return Err(OpenError::Unfit { place: self.name(), found, needed: "one in UTF8" });
        }
        if read_only {
            return Err(OpenError::ReadOnly { place: self.name() });
        }
        Ok(())
    }

    pub(super) fn explain(&self, fault: Fault) -> OpenError {
        let (place, user, database) = (self.name(), self.options.get_username().to_owned(), self.database());
        let reason = match &fault {
            Fault::Sql(Error::Database(error)) => error.message().to_owned(),
            Fault::Sql(Error::Io(error)) => error.to_string(),
            other => other.to_string(),
        };
        match fault.code().as_deref() {
            Some("28P01" | "28000") => OpenError::Refused { place, user, reason },
            Some("3D000") => OpenError::NoDatabase { place, database },
            Some("42501") => OpenError::Forbidden { user, database, schema: self.schema.to_owned(), reason },
            Some("25006") => OpenError::ReadOnly { place },
            Some("57P03" | "53300") => OpenError::Unreachable { place, reason },
            None if matches!(fault, Fault::Sql(Error::Io(_)) | Fault::Silent) => {
                OpenError::Unreachable { place, reason }
            }
            _ => OpenError::Other { place, reason },
        }
    }

    pub(super) fn newer(&self, found: i64, known: i64) -> OpenError {
        OpenError::Newer { database: self.database(), schema: self.schema.to_owned(), found, known }
    }

    fn unreachable(&self, reason: &str) -> OpenError {
        OpenError::Unreachable { place: self.name(), reason: reason.to_owned() }
    }

    fn name(&self) -> String {
        match self.options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", self.options.get_host(), self.options.get_port()),
        }
    }

    /// As Postgres does, the user's name where none is given.
    fn database(&self) -> String {
        self.options.get_database().unwrap_or(self.options.get_username()).to_owned()
    }
}
