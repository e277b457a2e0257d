//! `GET /static/…`: the page's files.

use actix_web::HttpRequest;
use actix_web::web::Path;

use crate::api_error::{ApiError, ApiResult, Reason};
use crate::assets;

pub(super) async fn static_file(request: HttpRequest, name: Path<String>) -> ApiResult {
    assets::answer(&request, &name).ok_or_else(|| ApiError::new(Reason::NotFound, "There is no such file."))
}
