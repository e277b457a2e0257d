//! The names of tenants and flows by the small numbers that stand for them in the tables.
//!
//! The writer adds names; readers look them up while they read, so the two share this behind a lock. A name is in
//! here before the transaction that first uses it is committed, so a reader finds every name it can see.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use caudal_engine::task::Tenant;
use rusqlite::Connection;

use super::fault::Fault;

#[derive(Debug, Default)]
struct Table {
    keys: HashMap<Arc<str>, i64>,
    names: HashMap<i64, Arc<str>>,
}

impl Table {
    fn load(connection: &Connection, sql: &str) -> Result<Self, Fault> {
        let mut table = Self::default();
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            table.add(row.get(0)?, row.get::<_, Arc<str>>(1)?);
        }
        Ok(table)
    }

    fn add(&mut self, key: i64, name: Arc<str>) {
        self.keys.insert(name.clone(), key);
        self.names.insert(key, name);
    }

    fn name(&self, key: i64) -> Result<Arc<str>, Fault> {
        self.names.get(&key).cloned().ok_or_else(|| Fault::unreadable(format_args!("no name has the number {key}")))
    }
}

#[derive(Debug, Default)]
struct Tables {
    tenants: Table,
    flows: Table,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Names(Arc<RwLock<Tables>>);

impl Names {
    /// Forgets what is not in the database, and learns what is.
    pub(super) fn load(&self, connection: &Connection) -> Result<(), Fault> {
        let tables = Tables {
            tenants: Table::load(connection, "SELECT tenant, name FROM tenants")?,
            flows: Table::load(connection, "SELECT flow, name FROM flows")?,
        };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = tables;
        Ok(())
    }

    pub(super) fn find_tenant(&self, name: &Tenant) -> Option<i64> {
        self.tables().tenants.keys.get(name.as_str()).copied()
    }

    pub(super) fn find_flow(&self, name: &str) -> Option<i64> {
        self.tables().flows.keys.get(name).copied()
    }

    pub(super) fn tenant(&self, key: i64) -> Result<Tenant, Fault> {
        self.tables().tenants.name(key).map(Tenant::new)
    }

    pub(super) fn flow(&self, key: i64) -> Result<Arc<str>, Fault> {
        self.tables().flows.name(key)
    }

    /// The tenant's number, a new one if it has none.
    pub(super) fn add_tenant(&self, connection: &Connection, name: &Tenant) -> Result<i64, Fault> {
        if let Some(key) = self.find_tenant(name) {
            return Ok(key);
        }
        connection.execute("INSERT INTO tenants (name) VALUES (?1)", [name.as_str()])?;
        let key = connection.last_insert_rowid();
        self.tables_mut().tenants.add(key, name.as_str().into());
        Ok(key)
    }

    /// The flow's number, a new one if it has none.
    pub(super) fn add_flow(&self, connection: &Connection, name: &Arc<str>) -> Result<i64, Fault> {
        if let Some(key) = self.find_flow(name) {
            return Ok(key);
        }
        connection.execute("INSERT INTO flows (name) VALUES (?1)", [name])?;
        let key = connection.last_insert_rowid();
        self.tables_mut().flows.add(key, name.clone());
        Ok(key)
    }

    fn tables(&self) -> std::sync::RwLockReadGuard<'_, Tables> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn tables_mut(&self) -> std::sync::RwLockWriteGuard<'_, Tables> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
