//! `POST /webhook-secret`: the secret with which whoever is called at a URL checks that a call is ours. The body is
//! `{ "url": "https://…" }`. It changes nothing, but what it answers stands in no log and no cache.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use url::Url;

use crate::access::Caller;
use crate::api_error::{ApiError, ApiResult, Reason};
use crate::request::{read_body, unknown_field};
use crate::site::OfSite;

const MOST_BYTES: usize = 16 * 1024;
const FIELDS: &[&str] = &["url"];

pub(super) async fn webhook_secret(site: OfSite, request: HttpRequest, payload: Payload) -> ApiResult {
    let body = read_body(&request, payload, MOST_BYTES).await?;
    let fields = body.object()?;
    if let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(unknown_field(unknown, FIELDS));
    }
    let form = "must be the http or https URL that is called";
    let wrong = || ApiError::new(Reason::InvalidInputs, format!("url {form}.")).at("/url", form);
    let url = fields.get("url").and_then(Value::as_str).and_then(|text| Url::parse(text).ok());
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https")).ok_or_else(wrong)?;
    let Some(secrets_of) = &site.webhook_secrets else {
        return Err(ApiError::new(Reason::NotFound, "This process does not know how webhook calls are signed."));
    };
    let mut secrets = secrets_of(&url).into_iter();
    let actor = Caller::of(&request).name;
    tracing::info!(actor, "the webhook secret of a receiver was shown");
    let receiver = url.origin().ascii_serialization();
    Ok(HttpResponse::Ok()
        .json(json!({ "receiver": receiver, "secret": secrets.next(), "secret_before": secrets.next() })))
}
