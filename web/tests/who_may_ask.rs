//! CSRF, hosts, and the headers that protect a browser.

mod kit;

use actix_web::http::Method;
use caudal_web::{Served, WebSettings};
use kit::{Answer, Platform, Request, Server};
use serde_json::json;

fn start<'a>() -> Request<'a> {
    Request::new("POST", "/start-task").json(&json!({"flow": "poem_flow"}))
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

/// Goal: what a browser sends needs the token twice; a program needs none; what changes nothing needs none.
#[tokio::test]
async fn csrf() {
    let server = Server::start();
    let answer = server.get("/csrf").await;
    let token = answer.json()["csrf_token"].as_str().unwrap().to_owned();
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.starts_with(&format!("csrftoken={token};")) && cookie.contains("SameSite=Lax"), "{cookie}");
    assert!(!cookie.contains("HttpOnly") && !cookie.contains("Secure"), "{cookie}");
    let held = format!("csrftoken={token}");
    assert_eq!(server.send(start()).await.status, 200, "a plain program");
    for (name, value) in [("cookie", held.as_str()), ("origin", "http://localhost"), ("sec-fetch-site", "same-origin")]
    {
        let missing = start().header(name, value);
        assert_eq!(code(&server.send(missing).await), (403, "csrf".to_owned()), "{name}");
        let authorized = start().header(name, value).header("authorization", "Bearer x");
        assert_eq!(server.send(authorized).await.status, 200, "{name}");
    }
    let browser = || start().header("cookie", held.clone()).header("origin", "http://localhost");
    assert_eq!(server.send(browser().header("x-csrftoken", token.clone())).await.status, 200);
    let wrong = browser().header("x-csrftoken", token[1..].to_owned());
    assert_eq!(code(&server.send(wrong).await), (403, "csrf".to_owned()));
    let forged = start().header("cookie", "csrftoken=a.b").header("x-csrftoken", "a.b");
    assert_eq!(code(&server.send(forged).await), (403, "csrf".to_owned()), "a token must be signed by us");
    let reading = Request::new("GET", "/tasks").header("cookie", held.clone());
    assert_eq!(server.send(reading).await.status, 200);
    let again = Request::new("GET", "/csrf").header("cookie", held);
    assert_eq!(server.send(again).await.json()["csrf_token"], token, "a good token is kept");
    assert!(server.get("/").await.header("set-cookie").starts_with("csrftoken="));
}

/// Goal: a foreign name that resolves to us is not served; probes on the health port ask as they like.
#[tokio::test]
async fn hosts() {
    let server = Server::start();
    let ask = |host: &'static str| Request::new("GET", "/flows").header("host", host);
    assert_eq!(server.send(ask("localhost:1")).await.status, 200);
    assert_eq!(code(&server.send(ask("evil.example")).await), (421, "unknown_host".to_owned()));
    // In the request's first line too; the refusal names the one that is foreign.
    let foreign = Request::new("GET", "http://evil.example/flows").header("host", "localhost");
    let refused = server.send(foreign).await;
    assert!(refused.json()["detail"].as_str().unwrap().contains("evil.example"));
    let settings =
        WebSettings { public_url: Some("https://flows.example.org".parse().unwrap()), ..WebSettings::default() };
    let public = Server::with(Platform::default(), settings);
    assert_eq!(public.send(ask("flows.example.org")).await.status, 200);
    let cookie = public.get("/csrf").await.header("set-cookie").to_owned();
    assert!(cookie.contains("Secure"), "{cookie}");
    let settings = WebSettings { served: Served::Health, ..WebSettings::default() };
    let health = Server::with(Platform::default(), settings);
    let probe = Request::new("GET", "/readyz").header("host", "10.9.8.7:9000");
    assert_eq!(health.send(probe).await.status, 200);
    assert_eq!(health.get("/flows").await.status, 404);
}

/// Goal: every route that changes something asks a browser for the token, and does nothing without; only the link of a
/// mail proves itself.
#[tokio::test]
async fn csrf_on_every_changing_route() {
    let server = Server::start();
    let task = server.start().await.to_string();
    let changing = || caudal_web::ROUTES.iter().filter(|route| route.method != Method::GET);
    assert!(changing().count() > 10);
    for route in changing() {
        let path = route.path.replace("{id}", &task).replace("{name}", "x");
        for path in [path.as_str(), &format!("{path}/")] {
            let request = Request::new(route.method.as_str(), path).header("origin", "http://evil.example");
            let code = code(&server.send(request).await);
            match route.path {
                "/unsubscribe" => assert_eq!(code, (403, "forbidden".to_owned()), "{route:?}"),
                _ => assert_eq!(code, (403, "csrf".to_owned()), "{route:?}"),
            }
        }
    }
    assert_eq!(server.get(&format!("/tasks/{task}")).await.json()["state"], "PENDING");
}

/// Goal: every answer, refusals too, carries what keeps a browser safe, and is kept by nobody.
#[tokio::test]
async fn protection() {
    let server = Server::start();
    for path in ["/flows", "/nowhere", "/", "/start-task"] {
        let answer = server.get(path).await;
        assert!(answer.header("content-security-policy").starts_with("default-src 'self'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.header("cache-control").is_empty());
    }
    assert_eq!(server.get("/tasks").await.header("cache-control"), "no-store");
}

/// Goal: every path answers with and without its trailing slash, and never by a redirect.
#[tokio::test]
async fn trailing_slashes() {
    let server = Server::start();
    let task = server.start().await.to_string();
    for route in caudal_web::ROUTES.iter().filter(|route| !route.path.contains(":.*")) {
        let path = route.path.replace("{id}", &task).replace("{name}", "poem_flow");
        // A method that no route has: 405 says that the path is known.
        for path in [format!("{}/", path.trim_end_matches('/')), path] {
            assert_eq!(server.send(Request::new("PATCH", &path)).await.status, 405, "{path}");
        }
    }
    for path in ["/start-task", "/start-task/"] {
        assert_eq!(server.post(path, &json!({"flow": "poem_flow"})).await.status, 200);
    }
}

/// Goal: the page comes with its type and a fingerprint, is not sent twice, and is compressed on demand.
#[tokio::test]
async fn the_page() {
    let server = Server::start();
    let page = server.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), "no-cache");
    let known = Request::new("GET", "/").header("if-none-match", page.header("etag"));
    assert_eq!(server.send(known).await.status, 304);
    assert_eq!(server.get("/static/index.html").await.status, 200);
    assert_eq!(server.get("/static/nothing.js").await.status, 404);
    assert_eq!(server.get("/static/../Cargo.toml").await.status, 404);
    let head = server.send(Request::new("HEAD", "/flows")).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    let packed = server.send(Request::new("GET", "/flows").header("accept-encoding", "gzip")).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
}
