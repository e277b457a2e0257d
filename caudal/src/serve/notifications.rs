//! Notifications in this process: what every role needs of them to make and check mails, and the sender.

use std::fs;
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
    let now = match &notify.webhook_secret {
        Some(set) => set.clone(),
        None => kept_webhook_secret(settings, store, ids).await?,
    };
    Ok(WebhookSecrets { now, before: notify.webhook_secret_before.clone() })
}

/// The one that is kept where all processes find it, made at the first start.
async fn kept_webhook_secret(settings: &Settings, store: &OpenedStore, ids: &dyn IdSource) -> Result<WebhookSecret> {
    let mut bytes = [0; 32];
    bytes.chunks_mut(8).for_each(|piece| piece.copy_from_slice(&ids.random().to_le_bytes()[..piece.len()]));
    let new = WebhookSecret::of_bytes(bytes);
    let path = settings.data_folder.join(SECRET_FILE);
    let kept = match store.shared() {
        Some(shared) => shared.share(SECRET_FILE, &new.reveal()).await.context("the webhook secret cannot be kept")?,
        None => match fs::read_to_string(&path) {
            Ok(kept) => kept,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let text = format!("{}\n", new.reveal());
                private_file::write(&path, text.as_bytes())
                    .with_context(|| format!("cannot write {}", path.display()))?;
                text
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        },
    };
    WebhookSecret::parse(&kept).map_err(|error| anyhow!("the webhook secret that is kept cannot be used: {error}"))
}
