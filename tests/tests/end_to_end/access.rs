//! Keys, sessions and watch links on the real binary: what the settings say, what crosses from one server to another,
//! and what the log tells and does not tell.

use std::net::TcpListener;

use caudal_tests::{Client, Server, keys_told, setup};
use serde_json::{Value, json};

const SECRET: &str = "the same on all web servers, and long";

async fn start(client: &Client, key: &str) -> Value {
    let body = json!({ "flow": "count_words_flow", "inputs": { "text": "a b" } });
    let request = client.request("POST", "/start-task").bearer_auth(key).json(&body);
    client.send(request).await.ok()
}

/// The session cookie and the CSRF token of a browser that logged in.
async fn log_in(client: &Client, key: &str) -> (String, String) {
    let token = client.get("/csrf").await.ok()["csrf_token"].as_str().unwrap().to_owned();
    let request = client.request("POST", "/login").json(&json!({ "key": key }));
    let request = request.header("cookie", format!("csrftoken={token}")).header("x-csrftoken", &token);
    let answer = client.send(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let session = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    (session, token)
}

/// Goal: one login and one watch link are good on every server with the same keys and secret, wherever its data is.
#[tokio::test]
async fn a_login_crosses_servers() {
    let (ann, ann_line) = setup!().new_key("ann", "start");
    let server = async || {
        let setup = setup!().environment("CAUDAL_API_KEYS", &*ann_line).environment("CAUDAL_SECRET", SECRET);
        setup.start().await
    };
    let (one, two): (Server, Server) = (server().await, server().await);
    let (session, token) = log_in(&one.client(), &ann).await;
    let see = |client: &Client| client.request("GET", "/session").header("cookie", &session);
    assert_eq!(two.client().send(see(&two.client())).await.ok()["name"], "ann");
    let body = json!({ "flow": "count_words_flow", "inputs": { "text": "a b" } });
    let request = two.client().request("POST", "/start-task?wait=30").json(&body);
    let request = request.header("cookie", format!("{session}; csrftoken={token}")).header("x-csrftoken", &token);
    let done = two.client().send(request).await.ok();
    assert_eq!(done["state"], "SUCCESS");
    // Of a task that the other server does not have: admitted, and then not found.
    let link = done["watch_url"].as_str().unwrap();
    assert_eq!(two.client().get(link).await.ok()["state"], "SUCCESS");
    assert_eq!(one.client().get(link).await.status, 404);
    assert_eq!(one.client().get(link.split('?').next().unwrap()).await.status, 401);
}

/// Goal: the log names the key by which something was done, and tells of refused ones without what was tried.
#[tokio::test]
async fn the_log_names_who_acted() {
    let (ci, ci_line) = setup!().new_key("ci-robot", "start");
    let (_, eve_line) = setup!().new_key("eve", "read");
    let server = setup!().environment("CAUDAL_API_KEYS", format!("{ci_line}, {eve_line}")).start().await;
    let client = server.client();
    let task = start(&client, &ci).await["task_id"].as_str().unwrap().to_owned();
    let tried = "caudal_somebody-elses-key";
    let refused = client.send(client.request("GET", "/tasks").bearer_auth(tried)).await;
    assert_eq!((refused.status, &refused.json()["code"]), (401, &json!("unauthenticated")));
    assert_eq!(refused.headers["www-authenticate"], "Bearer error=\"invalid_token\"");
    let log = server.log();
    let acted = log.lines().find(|line| line.contains("start by ci-robot")).unwrap_or_else(|| panic!("{log}"));
    assert!(acted.contains(&task), "{acted}");
    assert!(log.contains("a wrong key was refused") && log.contains("127.0.0.1"), "{log}");
    for secret in [tried, ci.as_str(), ci_line.rsplit(':').next().unwrap()] {
        assert!(!log.contains(secret), "{secret} stands in the log");
    }
}

/// Goal: a first start that is asked to makes an admin key, tells it once, and knows it from then on.
#[tokio::test]
async fn a_first_start_makes_an_admin_key() {
    let mut server = setup!().environment("CAUDAL_MAKE_ADMIN_KEY", "true").start().await;
    let keys = keys_told(&server.log());
    let [key] = &keys[..] else { panic!("{keys:?}") };
    assert_eq!(server.client().get("/tasks").await.status, 401);
    start(&server.client(), key).await;
    server.sigterm();
    server.ended().await;
    server.restart().await;
    start(&server.client(), key).await;
    assert_eq!(keys_told(&server.log()).len(), 1, "told again");
    assert_eq!(server.log().matches("`caudal new-key admin --role admin`").count(), 2, "{}", server.log());
}

/// Goal: a first start that fails behind the making of its admin key has told it: the key is good at the next start.
#[tokio::test]
async fn a_failed_first_start_loses_no_key() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let setup = setup!().environment("CAUDAL_MAKE_ADMIN_KEY", "true");
    let setup = setup.flag("health-listen", taken.local_addr().unwrap());
    let refusal = setup.refused().await;
    assert!(refusal.said.contains("the server cannot start"), "{refusal:?}");
    let keys = keys_told(&refusal.said);
    let [key] = &keys[..] else { panic!("{refusal:?}") };
    drop(taken);
    start(&setup.start().await.client(), key).await;
}

/// Goal: keys and secrets that cannot be used stop the start, and are not repeated.
#[tokio::test]
async fn bad_settings_keep_their_secrets() {
    let (key, line) = setup!().new_key("ann", "read");
    for (name, value, said) in [
        ("CAUDAL_API_KEYS", format!("{line},ann:read:{key}"), "entry 2 must end with the SHA-256"),
        ("CAUDAL_API_KEYS", format!("{line},{line}"), "two keys in api_keys have the name 'ann'"),
        ("CAUDAL_API_KEYS", key.clone(), "entry 1 must be name:role:hash"),
        ("CAUDAL_SECRET", key[..20].to_owned(), "CAUDAL_SECRET must be a text of at least 32 bytes"),
        ("CAUDAL_CORS_ORIGINS", "https://app.example.org/".to_owned(), "host and port alone"),
    ] {
        let refusal = setup!().environment(name, &*value).refused().await;
        assert_eq!(refusal.code, Some(2), "{refusal:?}");
        assert!(refusal.said.contains(said), "{refusal:?}");
        assert!(!refusal.said.contains(&key[..20]), "{refusal:?}");
    }
}
