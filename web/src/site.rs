//! What every route works with: the engine, the settings, the live part, the figures.

use std::sync::Arc;

use actix_web::web::Data;
use caudal_engine::Engine;
use caudal_engine::task::{LogEntry, TaskId, TaskRecord, Tenant};

use crate::access::Access;
use crate::api_error::ApiError;
use crate::figures::Figures;
use crate::hosts::Hosts;
use crate::live::Live;
use crate::settings::{RenderMetrics, Served, ShownSetting, StopWorker, WebSettings, WebhookSecretsOf};
use crate::signer::Signer;

/// How a handler asks for it.
pub(crate) type OfSite = Data<Site>;

pub(crate) struct Site {
    pub(crate) engine: Engine,
    pub(crate) live: Arc<Live>,
    pub(crate) figures: Arc<Figures>,
    pub(crate) signer: Signer,
    /// Of links that were made with a secret of before.
    pub(crate) earlier_signers: Vec<Signer>,
    pub(crate) access: Access,
    pub(crate) hosts: Hosts,
    /// Cookies are for https only.
    pub(crate) is_https: bool,
    /// Without a slash at its end.
    public_url: Option<String>,
    pub(crate) served: Served,
    pub(crate) render_metrics: Option<RenderMetrics>,
    pub(crate) shown_settings: Arc<[ShownSetting]>,
    pub(crate) stop_worker: Option<StopWorker>,
    pub(crate) webhook_secrets: Option<WebhookSecretsOf>,
}

/// A request that carries many may be this many times larger than one.
const BULK_FACTOR: usize = 8;

impl Site {
    pub(crate) fn new(engine: Engine, live: Arc<Live>, figures: Arc<Figures>, settings: &WebSettings) -> Self {
        Self {
            engine,
            live,
            figures,
            signer: Signer::new(settings.secret),
            earlier_signers: settings.earlier_secrets.iter().copied().map(Signer::new).collect(),
            access: Access::of(settings),
            hosts: Hosts::of(settings),
            is_https: settings.is_https(),
            public_url: settings.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()),
            served: settings.served,
            render_metrics: settings.render_metrics.clone(),
            shown_settings: settings.shown_settings.clone(),
            stop_worker: settings.stop_worker.clone(),
            webhook_secrets: settings.webhook_secrets.clone(),
        }
    }

    /// The task, if there is one of this tenant.
    pub(crate) async fn task(&self, tenant: &Tenant, task: TaskId) -> Result<TaskRecord, ApiError> {
        self.engine.store.task(tenant, task).await?.ok_or_else(ApiError::no_task)
    }

    /// The same, with its log where that comes with it.
    pub(crate) async fn task_and_log(
        &self,
        tenant: &Tenant,
        task: TaskId,
    ) -> Result<(TaskRecord, Vec<LogEntry>), ApiError> {
        self.engine.store.task_and_log(tenant, task).await?.ok_or_else(ApiError::no_task)
    }

    pub(crate) fn body_bytes(&self) -> usize {
        self.engine.limits.payload_bytes
    }

    pub(crate) fn key_bytes(&self) -> usize {
        self.engine.limits.idempotency_key_bytes
    }

    pub(crate) fn bulk_bytes(&self) -> usize {
        self.engine.limits.payload_bytes.saturating_mul(BULK_FACTOR)
    }

    /// Where one may watch a task for a while without any other right, also from a page of another origin.
    pub(crate) fn watch_url(&self, task: TaskId) -> String {
        let token = self.access.watch_token(task, &self.signer, self.engine.clock.now());
        let base = self.public_url.as_deref().unwrap_or_default();
        format!("{base}/task-status/{task}/?token={token}")
    }
}
