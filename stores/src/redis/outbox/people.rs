//! The people behind the addresses. They are asked for by every sender, so they live in one partition.

use caudal_engine::notification::mailbox::key_of;
use caudal_engine::ports::{Admission, MailOfAnHour, StoreError, Suppression};
use caudal_engine::task::{Tenant, Timestamp};
use redis::Cmd;

use super::super::fault::unreadable;
use super::super::reply;
use super::super::scripts::{OUTBOX_ADMIT, OUTBOX_SUPPRESS};
use super::super::store::RedisStore;

const HOME: u16 = 0;

impl RedisStore {
    pub(super) async fn admit_address(
        &self,
        tenant: &Tenant,
        address: &str,
        counted: Option<MailOfAnHour>,
    ) -> Result<Admission, StoreError> {
        let call = OUTBOX_ADMIT.call(&self.keys.of(HOME)).arg(tenant.as_str()).arg(key_of(address));
        let call = match counted {
            // Sent again by hand it is another.
            Some(mail) => {
                call.arg(mail.most).arg(mail.hour()).arg(format!("{} {}", mail.id, mail.queued_at.as_millis()))
            }
            None => call.arg(""),
        };
        match &*reply::text(self.nodes.call(HOME, &call).await?)? {
            "yes" => Ok(Admission::Admitted),
            "no" => Ok(Admission::Suppressed),
            "many" => Ok(Admission::TooMany),
            other => Err(unreadable(format_args!("'{other}' is no answer to whether an address is admitted"))),
        }
    }

    /// Without a reason it is taken back. Answers whether that is a change.
    pub(super) async fn suppress_address(
        &self,
        tenant: &Tenant,
        address: &str,
        reason: Option<&str>,
    ) -> Result<bool, StoreError> {
        let kept = match reason {
            Some(reason) => format!("{} {reason}", self.store_now().await?),
            None => String::new(),
        };
        let call = OUTBOX_SUPPRESS.call(&self.keys.of(HOME)).arg(self.turned());
        let call = call.arg(tenant.as_str()).arg(key_of(address)).arg(kept);
        Ok(reply::int(&self.nodes.call(HOME, &call).await?)? == 1)
    }

    pub(super) async fn list_suppressions(
        &self,
        tenant: &Tenant,
        after: &str,
        most: usize,
    ) -> Result<Vec<Suppression>, StoreError> {
        let keys = self.keys.of(HOME);
        let begin = if after.is_empty() { "-".to_owned() } else { format!("({after}") };
        let mut command = Cmd::new();
        command.arg("ZRANGE").arg(format!("{keys}xa:{tenant}")).arg(begin).arg("+").arg("BYLEX");
        command.arg("LIMIT").arg(0).arg(most);
        let addresses = reply::list(self.nodes.send(HOME, &command).await?)?;
        let addresses = addresses.into_iter().map(reply::text).collect::<Result<Vec<String>, _>>()?;
        if addresses.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = redis::cmd("HMGET");
        command.arg(format!("{keys}x:{tenant}")).arg(&addresses);
        let kept = reply::list(self.nodes.send(HOME, &command).await?)?;
        let mut suppressions = Vec::with_capacity(addresses.len());
        for (address, kept) in addresses.into_iter().zip(kept) {
            if kept == redis::Value::Nil {
                // It was taken back between the two questions.
                continue;
            }
            let kept = reply::text(kept)?;
            let (since, reason) = kept.split_once(' ').unwrap_or(("0", &kept));
            let since = Timestamp::from_millis(since.parse().map_err(unreadable)?);
            suppressions.push(Suppression { address: address.into(), reason: reason.into(), since });
        }
        Ok(suppressions)
    }
}
