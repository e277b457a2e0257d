//! Notifications in this process: what every role needs of them to make and check mails, and the sender.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use caudal_engine::Engine;
use caudal_engine::engine::Notifications as Port;
use caudal_engine::ports::IdSource;
use caudal_engine::task::{TaskId, Tenant};
use caudal_models::web_page::is_public;
use caudal_notifications::{
    Links, MailRoute, NotificationSettings, Notifications, NotificationsHandle, TemplateSettings, Templates,
    WebhookSecret, WebhookSecrets, WebhookSettings,
};
use caudal_stores::redis::RedisStore;
use caudal_web::PageLinks;

use super::opened_store::OpenedStore;
use super::private_file;
use crate::commands::Usage;
use crate::settings::Settings;

const SECRET_FILE: &str = "webhook_secret";
const MAIL_FOLDER: &str = "outbox";

/// What mails are made with, in every role.
pub(super) struct Mails {
    pub(super) templates: Arc<Templates>,
    pub(super) port: Port,
}

/// Where mails lead is the web's to know.
struct ToThePage(PageLinks);

impl Links for ToThePage {
    fn task(&self, task: TaskId) -> Option<String> {
        self.0.task(task)
    }

    fn unsubscribe(&self, tenant: &Tenant, address: &str) -> Option<String> {
        self.0.unsubscribe(tenant, address)
    }
}

/// Tries all templates, so that a broken one stops the start of whichever process meets it first.
pub(super) fn mails(settings: &Settings, store: &OpenedStore, secret: [u8; 32]) -> Result<Mails> {
    let notify = &settings.notify;
    let base = page(settings);
    if base.is_none() && notify.smtp.is_some() {
        tracing::warn!("public_url is not set: mails have no links to tasks and none to unsubscribe");
    }
    let templates = Templates::load(TemplateSettings {
        folder: notify.templates.clone(),
        default_locale: notify.default_locale.clone(),
        from: notify.from.clone(),
        links: Arc::new(ToThePage(PageLinks::new(base.as_deref(), secret))),
    });
    let templates = Arc::new(templates.map_err(|error| Usage(error.to_string()))?);
    let port =
        Port { outbox: store.outbox(), templates: templates.clone(), on_failure: Arc::new(notify.on_failure.clone()) };
    Ok(Mails { templates, port })
}

/// Where people reach the page: what was set, else this machine, if it is here alone that everything runs and no mail
/// leaves it.
fn page(settings: &Settings) -> Option<String> {
    let is_here = settings.machines.is_none() && settings.notify.smtp.is_none() && settings.listen.port() != 0;
    let here = || is_here.then_some(settings.listen);
    let set = settings.public_url.as_ref().map(ToString::to_string);
    set.or_else(|| here().map(|listen| format!("http://{listen}")))
}

pub(super) fn start(
    settings: &Settings,
    secrets: WebhookSecrets,
    engine: Engine,
    templates: Arc<Templates>,
) -> Result<NotificationsHandle> {
    let notify = &settings.notify;
    let mail = match &notify.smtp {
        Some(smtp) => MailRoute::Smtp(smtp.clone()),
        None => MailRoute::Folder(settings.data_folder.join(MAIL_FOLDER)),
    };
    let sending = NotificationSettings {
        mail,
        mail_connections: notify.mail_connections,
        mails_per_second: notify.mails_per_second,
        mails_per_hour: notify.mails_per_hour,
        webhook: WebhookSettings {
            secrets,
            timeout: notify.webhook_timeout,
            concurrency: notify.webhook_concurrency,
            reaches: if notify.webhook_allow_private { |_| true } else { is_public },
        },
        retry: notify.retry,
        grace: settings.grace,
    };
    Notifications::start(engine, templates, sending).context("notifications cannot be sent")
}

/// The same for whoever signs and whoever tells people.
pub(super) async fn webhook_secrets(
    settings: &Settings,
    store: &OpenedStore,
    ids: &dyn IdSource,
) -> Result<WebhookSecrets> {
    let notify = &settings.notify;
    let set = (notify.webhook_secret.clone(), notify.webhook_secret_before.clone());
    secrets_of(set, &settings.data_folder, store.shared(), ids).await
}

/// Of what is set, now and before, and of the one that is kept: made at the first start without one, it was what signed
/// until one was set.
async fn secrets_of(
    set: (Option<WebhookSecret>, Option<WebhookSecret>),
    folder: &Path,
    shared: Option<&RedisStore>,
    ids: &dyn IdSource,
) -> Result<WebhookSecrets> {
    Ok(match set {
        (Some(now), None) => {
            let kept = kept_webhook_secret(folder, shared).await?;
            WebhookSecrets { before: kept.filter(|kept| *kept != now), now }
        }
        (Some(now), before) => WebhookSecrets { now, before },
        (None, before) => WebhookSecrets { now: made_webhook_secret(folder, shared, ids).await?, before },
    })
}

/// The one that is kept where all processes find it, made if there is none.
async fn made_webhook_secret(folder: &Path, shared: Option<&RedisStore>, ids: &dyn IdSource) -> Result<WebhookSecret> {
    let mut bytes = [0; 32];
    bytes.chunks_mut(8).for_each(|piece| piece.copy_from_slice(&ids.random().to_le_bytes()[..piece.len()]));
    let new = WebhookSecret::of_bytes(bytes);
    if let Some(shared) = shared {
        let kept = shared.share(SECRET_FILE, &new.reveal()).await.context("the webhook secret cannot be kept")?;
        return parse_kept(&kept);
    }
    if let Some(kept) = kept_webhook_secret(folder, None).await? {
        return Ok(kept);
    }
    let path = folder.join(SECRET_FILE);
    let text = format!("{}\n", new.reveal());
    private_file::write(&path, text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(new)
}

async fn kept_webhook_secret(folder: &Path, shared: Option<&RedisStore>) -> Result<Option<WebhookSecret>> {
    let kept = match shared {
        Some(shared) => shared.shared(SECRET_FILE).await.context("the webhook secret of before cannot be read")?,
        None => {
            let path = folder.join(SECRET_FILE);
            match fs::read_to_string(&path) {
                Ok(kept) => Some(kept),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
            }
        }
    };
    kept.as_deref().map(parse_kept).transpose()
}

fn parse_kept(kept: &str) -> Result<WebhookSecret> {
    WebhookSecret::parse(kept).map_err(|error| anyhow!("the webhook secret that is kept cannot be used: {error}"))
}

#[cfg(test)]
mod tests {
    use caudal_engine::ports::RandomIds;

    use super::*;

    /// Goal: the secret that was made is found again; when another is set it goes on signing beside that, unless the
    /// settings name another one of before.
    #[tokio::test]
    async fn what_was_kept_is_the_secret_of_before() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = |now: Option<u8>, before: Option<u8>| {
            let of = |byte: Option<u8>| byte.map(|byte| WebhookSecret::of_bytes([byte; 32]));
            secrets_of((of(now), of(before)), folder.path(), None, &RandomIds)
        };
        assert_eq!(secrets(Some(1), None).await.unwrap().before, None, "none was made yet");
        let made = secrets(None, None).await.unwrap();
        assert_eq!(secrets(None, None).await.unwrap(), made);
        let (one, two) = (WebhookSecret::of_bytes([1; 32]), WebhookSecret::of_bytes([2; 32]));
        let changed = secrets(Some(1), None).await.unwrap();
        assert_eq!(changed, WebhookSecrets { now: one.clone(), before: Some(made.now.clone()) });
        assert_eq!(secrets(Some(1), Some(2)).await.unwrap(), WebhookSecrets { now: one.clone(), before: Some(two) });
        fs::write(folder.path().join(SECRET_FILE), one.reveal()).unwrap();
        assert_eq!(secrets(Some(1), None).await.unwrap().before, None, "the same is not signed with twice");
    }
}
