//! `POST /workers/<id>/stop`: ends a worker as a crash would, so that one can watch another take its tasks over. Only
//! when diagnostics are on.

use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use caudal_engine::task::WorkerId;
use serde_json::json;

use crate::access::Caller;
use crate::api_error::{ApiError, ApiResult, Reason};
use crate::request::read_no_body;
use crate::site::OfSite;

pub(super) async fn stop_worker(site: OfSite, request: HttpRequest, id: Path<String>, payload: Payload) -> ApiResult {
    read_no_body(&request, payload, site.body_bytes()).await?;
    let Some(stop) = &site.stop_worker else {
        let off = ApiError::new(Reason::NotFound, "Workers can be stopped only when diagnostics are on.");
        return Err(off.hint("Start the server with --diagnostics."));
    };
    let worker = WorkerId::new(id.into_inner());
    if !site.engine.workers().await?.iter().any(|known| known.id == worker) {
        return Err(ApiError::new(Reason::NotFound, "There is no such worker."));
    }
    let actor = Caller::of(&request).name;
    tracing::warn!(%worker, actor, "a worker is stopped as by a crash");
    stop(&worker).map_err(|why| ApiError::new(Reason::WrongState, why))?;
    Ok(HttpResponse::Accepted().json(json!({ "stopping": true })))
}
