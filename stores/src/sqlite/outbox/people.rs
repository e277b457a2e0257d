//! The people behind the addresses: how many mails each has had, and who wants none.

use caudal_engine::notification::mailbox::key_of;
use caudal_engine::ports::{Admission, MailOfAnHour, Suppression};
use caudal_engine::task::{Tenant, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::super::fault::Fault;
use super::super::names::Names;
use super::super::session::Session;

const HOUR_MILLIS: i64 = 3_600_000;
const HOURS_COUNTED: i64 = 24;

const NEXT_SUPPRESSIONS: &str = "SELECT address, reason, since FROM suppressions WHERE tenant = ?1 AND address > ?2 \
    ORDER BY address LIMIT ?3";

impl Session<'_> {
    /// No answer is lost within a process, so that none is asked for twice: a number is enough.
    pub(super) fn admit(
        &mut self,
        tenant: &Tenant,
        address: &str,
        counted: Option<MailOfAnHour>,
    ) -> Result<Admission, Fault> {
        let tenant = self.memory.names.add_tenant(self.connection, tenant)?;
        let address = key_of(address);
        let mut suppressed =
            self.connection.prepare_cached("SELECT 1 FROM suppressions WHERE tenant = ?1 AND address = ?2")?;
        if suppressed.exists(params![tenant, address])? {
            return Ok(Admission::Suppressed);
        }
        let Some(mail) = counted else { return Ok(Admission::Admitted) };
        let hour = mail.hour();
        let had: Option<u32> = self
            .connection
            .prepare_cached("SELECT mails FROM mails_per_hour WHERE hour = ?1 AND tenant = ?2 AND address = ?3")?
            .query_row(params![hour, tenant, address], |row| row.get(0))
            .optional()?;
        if had.unwrap_or(0) >= mail.most {
            return Ok(Admission::TooMany);
        }
        self.connection
            .prepare_cached(
                "INSERT INTO mails_per_hour (hour, tenant, address, mails) VALUES (?1, ?2, ?3, 1) \
                 ON CONFLICT DO UPDATE SET mails = mails + 1",
            )?
            .execute(params![hour, tenant, address])?;
        Ok(Admission::Admitted)
    }

    pub(super) fn suppress(&mut self, tenant: &Tenant, address: &str, reason: &str) -> Result<bool, Fault> {
        let tenant = self.memory.names.add_tenant(self.connection, tenant)?;
        let inserted = self
            .connection
            .prepare_cached(
                "INSERT OR IGNORE INTO suppressions (tenant, address, reason, since) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![tenant, key_of(address), reason, self.now.as_millis()])?;
        Ok(inserted > 0)
    }

    pub(super) fn unsuppress(&mut self, tenant: &Tenant, address: &str) -> Result<bool, Fault> {
        let Some(tenant) = self.memory.names.find_tenant(tenant) else { return Ok(false) };
        let deleted = self
            .connection
            .prepare_cached("DELETE FROM suppressions WHERE tenant = ?1 AND address = ?2")?
            .execute(params![tenant, key_of(address)])?;
        Ok(deleted > 0)
    }

    /// Hours of which hardly anything can still be in line.
    pub(super) fn forget_hours(&self) -> Result<(), Fault> {
        let hour = self.now.as_millis().div_euclid(HOUR_MILLIS) - HOURS_COUNTED;
        self.connection.prepare_cached("DELETE FROM mails_per_hour WHERE hour < ?1")?.execute([hour])?;
        Ok(())
    }
}

pub(super) fn suppressions(
    connection: &Connection,
    names: &Names,
    tenant: &Tenant,
    after: &str,
    most: usize,
) -> Result<Vec<Suppression>, Fault> {
    let Some(tenant) = names.find_tenant(tenant) else { return Ok(Vec::new()) };
    let mut statement = connection.prepare_cached(NEXT_SUPPRESSIONS)?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let found = statement.query_map(params![tenant, after, most], |row| {
        let since = Timestamp::from_millis(row.get(2)?);
        Ok(Suppression { address: row.get(0)?, reason: row.get(1)?, since })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::super::super::plans;
    use super::*;

    /// Goal: a page of suppressions costs a page.
    #[test]
    fn suppressions_seek() {
        plans::assert_seeks(NEXT_SUPPRESSIONS, &plans::plan_of(NEXT_SUPPRESSIONS));
    }
}
