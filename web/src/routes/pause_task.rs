//! `POST /tasks/<id>/pause`.

use actix_web::HttpRequest;
use actix_web::web::Path;
use caudal_engine::ports::Control;

use super::cancel_task::control;
use crate::api_error::ApiResult;
use crate::site::OfSite;

pub(super) async fn pause_task(site: OfSite, request: HttpRequest, id: Path<String>) -> ApiResult {
    control(&site, &request, &id, Control::Pause).await
}
