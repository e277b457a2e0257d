//! Reading a row's columns in their order, into the engine's types.

use caudal_engine::task::{TaskId, Timestamp};
use rusqlite::Row;
use rusqlite::types::FromSql;

use super::fault::Fault;

pub(super) struct Columns<'a> {
    row: &'a Row<'a>,
    next: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn of(row: &'a Row<'a>) -> Self {
        Self { row, next: 0 }
    }

    pub(super) fn value<T: FromSql>(&mut self) -> Result<T, Fault> {
        let value = self.row.get(self.next)?;
        self.next += 1;
        Ok(value)
    }

    /// Numbers that are never negative; SQLite knows only signed ones.
    pub(super) fn count(&mut self) -> Result<u64, Fault> {
        let value: i64 = self.value()?;
        u64::try_from(value).map_err(|_| Fault::unreadable(format_args!("a count is {value}")))
    }

    /// Random bits, which use the sign too.
    pub(super) fn bits(&mut self) -> Result<u64, Fault> {
        self.value::<i64>().map(i64::cast_unsigned)
    }

    pub(super) fn id(&mut self) -> Result<TaskId, Fault> {
        self.maybe_id()?.ok_or_else(|| Fault::unreadable("a task id is missing"))
    }

    pub(super) fn maybe_id(&mut self) -> Result<Option<TaskId>, Fault> {
        let bytes = self.row.get_ref(self.next)?.as_blob_or_null().map_err(Fault::unreadable)?;
        self.next += 1;
        let Some(bytes) = bytes else { return Ok(None) };
        let bytes = <[u8; 16]>::try_from(bytes).map_err(Fault::unreadable)?;
        Ok(Some(TaskId::from_bytes(bytes)))
    }

    pub(super) fn time(&mut self) -> Result<Timestamp, Fault> {
        self.value().map(Timestamp::from_millis)
    }

    pub(super) fn maybe_time(&mut self) -> Result<Option<Timestamp>, Fault> {
        Ok(self.value::<Option<i64>>()?.map(Timestamp::from_millis))
    }
}

/// A count as SQLite's number.
pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_millis)
}
