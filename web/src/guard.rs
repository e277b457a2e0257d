//! What each request must pass before a route sees it: the host is ours, and no foreign page sent it.

use actix_web::Error;
use actix_web::ResponseError;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

use crate::csrf;
use crate::settings::Served;
use crate::site::OfSite;

pub(crate) async fn guard(
    site: OfSite,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    // Probes ask by address, and nothing is to be had there.
    let is_probe = site.served == Served::Health;
    let passed = if is_probe { Ok(()) } else { site.hosts.check(request.request()) }
        .and_then(|()| csrf::check(&site, request.request()));
    match passed {
        Ok(()) => next.call(request).await.map(ServiceResponse::map_into_boxed_body),
        Err(error) => Ok(request.into_response(error.error_response())),
    }
}
