//! What every route works with: the engine, the settings, the live part, the figures.

use std::sync::Arc;

use actix_web::web::Data;
use caudal_engine::Engine;
use caudal_engine::task::{TaskId, TaskRecord, Tenant};

use crate::api_error::ApiError;
use crate::csrf::Signer;
use crate::figures::Figures;
use crate::hosts::Hosts;
use crate::live::Live;
use crate::settings::{RenderMetrics, Served, WebSettings};

/// How a handler asks for it.
pub(crate) type OfSite = Data<Site>;

pub(crate) struct Site {
    pub(crate) engine: Engine,
    pub(crate) live: Arc<Live>,
    pub(crate) figures: Arc<Figures>,
    pub(crate) signer: Signer,
    pub(crate) hosts: Hosts,
    /// Cookies are for https only.
    pub(crate) is_https: bool,
    pub(crate) served: Served,
    pub(crate) render_metrics: Option<RenderMetrics>,
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
            hosts: Hosts::of(settings),
            is_https: settings.public_url.as_ref().is_some_and(|url| url.scheme() == "https"),
            served: settings.served,
            render_metrics: settings.render_metrics.clone(),
        }
    }

    /// The task, if there is one of this tenant.
    pub(crate) async fn task(&self, tenant: &Tenant, task: TaskId) -> Result<TaskRecord, ApiError> {
        self.engine.store.task(tenant, task).await?.ok_or_else(ApiError::no_task)
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

    /// Where one may watch a task without any other right: the token is signed for this task alone.
    pub(crate) fn watch_url(&self, task: TaskId) -> String {
        format!("/task-status/{task}/?token={}", self.signer.sign(&format!("watch:{task}")))
    }
}
