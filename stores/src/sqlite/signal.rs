//! A value for a task: kept until it is consumed, whatever the task does meanwhile.

use caudal_engine::ports::{NewSignal, SignalAccepted, SignalRefused};
use caudal_engine::task::event::SignalReceived;
use caudal_engine::task::{APPROVAL_PREFIX, Tenant};
use rusqlite::{OptionalExtension, params};

use super::columns::signed;
use super::fault::Fault;
use super::row::TaskRow;
use super::session::Session;

impl Session<'_> {
    pub(super) fn signal(
        &mut self,
        tenant: &Tenant,
        signal: &NewSignal,
    ) -> Result<Result<SignalAccepted, SignalRefused>, Fault> {
        let Some(mut row) = self.row_of(tenant, signal.task)? else { return Ok(Err(SignalRefused::NotFound)) };
        if let Some(seq) = self.seq_of(row.key, signal)? {
            return Ok(Ok(SignalAccepted { seq }));
        }
        let refused = self.refuse(&row, signal)?;
        // Whoever answers second learns that, also when the first answer has ended the task by now.
        if row.state.is_ended() && !matches!(refused, Some(SignalRefused::AlreadyAnswered)) {
            return Ok(Err(SignalRefused::WrongState { state: row.shown() }));
        }
        if let Some(refused) = refused {
            return Ok(Err(refused));
        }
        let received = SignalReceived { name: signal.name.clone(), value: signal.value.clone() };
        let seq = self.tell(&mut row, [received.into()])?;
        self.connection
            .prepare_cached("INSERT INTO signals (task, seq, name, id, taken) VALUES (?1, ?2, ?3, ?4, 0)")?
            .execute(params![row.key, signed(seq), signal.name, signal.id])?;
        let hears = row.waits()?.iter().any(|wait| wait.hears_signal(&signal.name));
        self.wake(&mut row, hears);
        self.save(&mut row)?;
        Ok(Ok(SignalAccepted { seq }))
    }

    /// The number of the signal that came under the same sender's name before.
    fn seq_of(&self, task: i64, signal: &NewSignal) -> Result<Option<u64>, Fault> {
        let Some(id) = &signal.id else { return Ok(None) };
        let mut statement =
            self.connection.prepare_cached("SELECT seq FROM signals WHERE task = ?1 AND id = ?2 AND id IS NOT NULL")?;
        let seq = statement.query_row(params![task, id], |row| row.get::<_, i64>(0)).optional()?;
        Ok(seq.map(i64::cast_unsigned))
    }

    fn refuse(&self, row: &TaskRow, signal: &NewSignal) -> Result<Option<SignalRefused>, Fault> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT count(*), ifnull(sum(taken = 0), 0) FROM signals WHERE task = ?1 AND name = ?2")?;
        let (known, pending): (u64, u64) = statement
            .query_row(params![row.key, signal.name], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
            .map(|(known, pending)| (known.cast_unsigned(), pending.cast_unsigned()))?;
        Ok(if signal.name.starts_with(APPROVAL_PREFIX) && known > 0 {
            Some(SignalRefused::AlreadyAnswered)
        } else if pending >= signal.most_pending as u64 || row.head >= signal.most_events {
            Some(SignalRefused::TooMany)
        } else {
            None
        })
    }
}
