//! `DELETE /tasks/<id>`: forgets an ended task with its log.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};

use crate::api_error::{ApiError, ApiResult};
use crate::request::task_id;
use crate::site::OfSite;
use crate::tenant::tenant_of;

pub(super) async fn delete_task(site: OfSite, request: HttpRequest, id: Path<String>) -> ApiResult {
    let deleted = site.engine.store.delete(&tenant_of(&request), task_id(&id)?).await;
    deleted.map_err(ApiError::of_delete)?;
    Ok(HttpResponse::NoContent().finish())
}
