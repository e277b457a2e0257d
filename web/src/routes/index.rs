//! `GET /`: the page, and the cookie by which its requests are known as its own.

use actix_web::{HttpRequest, HttpResponse};

use crate::api_error::{ApiError, ApiResult, Reason};
use crate::site::{OfSite, Site};
use crate::{assets, csrf};

pub(super) async fn index(site: OfSite, request: HttpRequest) -> ApiResult {
    page(&site, &request, "index.html")
}

pub(super) fn page(site: &Site, request: &HttpRequest, file: &str) -> ApiResult {
    let page = assets::document(request, file);
    let mut page: HttpResponse =
        page.ok_or_else(|| ApiError::new(Reason::NotFound, "This server was built without its page."))?;
    let cookie = csrf::cookie(site, csrf::token_for(site, request));
    page.add_cookie(&cookie).map_err(ApiError::internal)?;
    Ok(page)
}
