//! `POST /unsubscribe?token=…`: takes an address off, for the page's button and for mail programs (RFC 8058), which send
//! `List-Unsubscribe=One-Click` and nothing that says who they are.

use actix_web::HttpRequest;

use super::unsubscribe_page::{Words, asked, page};
use crate::api_error::ApiResult;
use crate::site::OfSite;

pub(super) async fn unsubscribe(site: OfSite, request: HttpRequest) -> ApiResult {
    let (tenant, address) = asked(&site, &request)?;
    site.engine.notifications.outbox.suppress(&tenant, &address, "unsubscribed").await?;
    tracing::info!("somebody has unsubscribed");
    let words = Words::of(&request);
    Ok(page(&words, words.done, &address, ""))
}
