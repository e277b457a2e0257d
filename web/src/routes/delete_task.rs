//! `DELETE /tasks/<id>`: forgets an ended task with its log.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};

use crate::access::Caller;
use crate::api_error::{ApiError, ApiResult};
use crate::request::task_id;
use crate::site::OfSite;
use crate::tenant::tenant_of;

pub(super) async fn delete_task(site: OfSite, request: HttpRequest, id: Path<String>) -> ApiResult {
    let task = task_id(&id)?;
    let deleted = site.engine.store.delete(&tenant_of(&request), task).await;
    deleted.map_err(ApiError::of_delete)?;
    Caller::of(&request).note("delete", task);
    Ok(HttpResponse::NoContent().finish())
}
