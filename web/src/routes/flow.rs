//! `GET /flows/<name>`: one flow, with the schemas of its input and output.

use actix_web::HttpResponse;
use actix_web::web::Path;
use caudal_engine::Engine;
use caudal_engine::flow::FlowDefinition;
use caudal_engine::use_cases::readiness::missing;
use serde_json::{Value, json};

use crate::api_error::{ApiError, ApiResult, Reason};
use crate::site::{OfSite, Site};

pub(super) async fn flow(site: OfSite, name: Path<String>) -> ApiResult {
    let registry = &site.engine.registry;
    let flow = registry.find(&name).ok_or_else(|| {
        ApiError::new(Reason::NotFound, format!("There is no flow named '{}'.", name.escape_debug()))
            .hint(format!("Known flows: {}", registry.names().join(", ")))
    })?;
    Ok(HttpResponse::Ok().json(shown_flow(&site, flow, true).await?))
}

/// With how its newest tasks went, as far as this process knows.
pub(super) async fn shown_flow(
    site: &Site,
    flow: &'static FlowDefinition,
    with_schemas: bool,
) -> Result<Value, ApiError> {
    let mut shown = flow_json(&site.engine, flow).await?;
    if with_schemas {
        shown["input_schema"] = (flow.input_schema)().to_value();
        shown["output_schema"] = (flow.output_schema)().to_value();
    }
    shown["recent"] = json!(site.figures.recent(flow.name));
    Ok(shown)
}

async fn flow_json(engine: &Engine, flow: &'static FlowDefinition) -> Result<Value, ApiError> {
    let options = &flow.options;
    let missing = missing(engine, flow).await?;
    let seconds = |millis: Option<u64>| millis.map(|millis| millis as f64 / 1_000.0);
    Ok(json!({
        "name": flow.name,
        "title": flow.title,
        "summary": flow.summary,
        "description": flow.description,
        "version": flow.version,
        // It is there to test and measure the platform.
        "diagnostics": flow.diagnostics,
        "formerly": flow.formerly,
        "options": {
            "timeout_seconds": seconds(options.timeout_ms),
            "deadline_seconds": seconds(options.deadline_ms),
            "retries": options.retries,
            "concurrency": options.concurrency,
            "max_cost": options.max_cost,
            "max_tokens": options.max_tokens,
        },
        "readiness": { "ready": missing.is_empty(), "missing": missing },
    }))
}
