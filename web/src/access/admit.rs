//! What each request to a route must pass: its caller is known and has the role that the table asks for.

use std::panic::AssertUnwindSafe;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT, CACHE_CONTROL, LOCATION};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use futures_util::FutureExt;

use super::Caller;
use crate::api_error::ApiError;
use crate::routes::role_of;
use crate::site::{OfSite, Site};

/// `path` is the row of the table.
pub(crate) async fn admit(
    path: &'static str,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let admitted = match request.app_data::<OfSite>() {
        Some(site) => caller(site, path, request.request()),
        None => Err(ApiError::internal("a route without its site")),
    };
    match admitted {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            answered(request, next).await
        }
        Err(error) if is_for_a_person(path, request.request(), &error) => Ok(request.into_response(to_login())),
        Err(error) => Ok(request.into_response(error.error_response())),
    }
}

/// The route's answer. A route that panics is a mistake of ours; whoever asked is told so as of any other, and the thread
/// that serves many more goes on.
async fn answered(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let asked = request.request().clone();
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(answer) => answer.map(ServiceResponse::map_into_boxed_body),
        Err(panic) => {
            let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref().map(String::as_str));
            let error = ApiError::internal(format_args!("a route panicked: {}", said.unwrap_or("nothing was said")));
            Ok(ServiceResponse::new(asked, error.error_response()))
        }
    }
}

fn caller(site: &Site, path: &str, request: &HttpRequest) -> Result<Caller, ApiError> {
    match role_of(path, request.method()) {
        Some(needed) => site.access.caller(request, needed, &site.signer, site.engine.clock.now()),
        // What the path does not know is refused as that, whoever asks.
        None => Ok(Caller::nobody()),
    }
}

/// A browser that opens the page is shown where to log in; a program is told what is wrong.
fn is_for_a_person(path: &str, request: &HttpRequest, error: &ApiError) -> bool {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    path == "/" && request.method() == Method::GET && error.is_unauthenticated() && accept.contains("text/html")
}

/// A browser keeps what stands behind `#`, so that one comes back to where one wanted to go.
fn to_login() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, "/login")).insert_header((CACHE_CONTROL, "no-store")).finish()
}
