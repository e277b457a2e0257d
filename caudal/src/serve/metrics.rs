//! The process's metrics: collected here, written down by the web under `/metrics`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use caudal_web::RenderMetrics;
use metrics_exporter_prometheus::PrometheusBuilder;

/// Samples of histograms are kept until they are asked for or tidied up.
const TIDY: Duration = Duration::from_secs(10);

pub(super) fn start() -> Result<RenderMetrics> {
    let handle = PrometheusBuilder::new().install_recorder().context("metrics cannot be collected")?;
    let tidied = handle.clone();
    tokio::spawn(async move {
        let mut turns = tokio::time::interval(TIDY);
        loop {
            turns.tick().await;
            tidied.run_upkeep();
        }
    });
    Ok(Arc::new(move || handle.render()))
}
