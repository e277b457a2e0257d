//! `GET /unsubscribe?token=…`: asks once more. Mail programs look at links by themselves, so looking changes nothing.

use actix_web::http::header::ACCEPT_LANGUAGE;
use actix_web::{HttpRequest, HttpResponse};
use caudal_engine::task::Tenant;

use crate::api_error::{ApiError, ApiResult, Reason};
use crate::page_links::who_unsubscribes;
use crate::request::Query;
use crate::site::{OfSite, Site};

pub(super) async fn unsubscribe_page(site: OfSite, request: HttpRequest) -> ApiResult {
    let (_, address) = asked(&site, &request)?;
    let words = Words::of(&request);
    let button = format!("<form method=\"post\"><button class=\"button is-primary\">{}</button></form>", words.button);
    Ok(page(&words, words.question, &address, &button))
}

/// Who is to be taken off. The link is the only proof that is asked for.
pub(super) fn asked(site: &Site, request: &HttpRequest) -> Result<(Tenant, String), ApiError> {
    let query = Query::of(request);
    let token = query.get("token").unwrap_or_default();
    let mut signers = [&site.signer].into_iter().chain(&site.earlier_signers);
    signers
        .find_map(|signer| who_unsubscribes(signer, token))
        .ok_or_else(|| ApiError::new(Reason::Forbidden, "This link was not made by this server, or is not whole."))
}

pub(super) struct Words {
    language: &'static str,
    title: &'static str,
    question: &'static str,
    button: &'static str,
    pub(super) done: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    title: "Unsubscribe",
    question: "Send no more mail to this address?",
    button: "Unsubscribe",
    done: "This address gets no more mail from here.",
};

const SPANISH: Words = Words {
    language: "es",
    title: "Darse de baja",
    question: "¿No enviar más correos a esta dirección?",
    button: "Darse de baja",
    done: "Esta dirección ya no recibirá correos de aquí.",
};

impl Words {
    pub(super) fn of(request: &HttpRequest) -> Self {
        let wanted = request.headers().get(ACCEPT_LANGUAGE).and_then(|wanted| wanted.to_str().ok());
        if wanted.is_some_and(|wanted| wanted.trim_start().starts_with("es")) { SPANISH } else { ENGLISH }
    }
}

pub(super) fn page(words: &Words, heading: &str, address: &str, below: &str) -> HttpResponse {
    let (language, title, address) = (words.language, words.title, escaped(address));
    let html = format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{title} – Caudal</title>\n\
         <link rel=\"stylesheet\" href=\"/static/style/tokens.css\">\n\
         <link rel=\"stylesheet\" href=\"/static/style/base.css\">\n\
         <link rel=\"stylesheet\" href=\"/static/style/forms.css\">\n\
         <link rel=\"stylesheet\" href=\"/static/style/login.css\">\n</head>\n<body class=\"is-login\">\n\
         <main class=\"main\"><div class=\"login panel\"><h1>{heading}</h1>\n<p>{address}</p>\n{below}\n</div></main>\n\
         </body>\n</html>\n"
    );
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(html)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
