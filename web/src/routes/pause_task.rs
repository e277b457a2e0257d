//! `POST /tasks/<id>/pause`.

use actix_web::HttpRequest;
use actix_web::web::{Path, Payload};
use caudal_engine::ports::Control;

use super::cancel_task::control;
use crate::api_error::ApiResult;
use crate::site::OfSite;

pub(super) async fn pause_task(site: OfSite, request: HttpRequest, id: Path<String>, payload: Payload) -> ApiResult {
    control(&site, &request, payload, &id, Control::Pause).await
}
