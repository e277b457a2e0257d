//! Who may do what: every route asked by everybody, logins, watch links, and pages of other origins.

mod kit;

use std::net::SocketAddr;
use std::time::Duration;

use caudal_engine::task::{TaskId, Timestamp};
use caudal_web::{ApiKey, ROUTES, Role, Route, Served, WebSettings};
use kit::{Answer, Platform, Request, Server};
use serde_json::json;

/// A server with a key of each role, and the keys in the order of [`Role::OF_KEYS`].
struct House {
    server: Server,
    keys: Vec<String>,
}

impl House {
    fn open() -> Self {
        Self::with(WebSettings::default())
    }

    #[expect(clippy::unwrap_used, reason = "a test may end with a crash")]
    fn with(settings: WebSettings) -> Self {
        let made: Vec<_> = Role::OF_KEYS.map(|role| ApiKey::generate(&format!("{role}-key"), role).unwrap()).into();
        let (keys, api_keys) = made.into_iter().unzip();
        Self { server: Server::with(Platform::default(), WebSettings { api_keys, ..settings }), keys }
    }

    fn key(&self, role: Role) -> &str {
        let at = Role::OF_KEYS.iter().position(|known| *known == role);
        &self.keys[at.unwrap_or_default()]
    }

    fn bearer(&self, role: Role) -> String {
        format!("Bearer {}", self.key(role))
    }

    /// The cookies of a person who logged in: the session and the CSRF token, and that token alone.
    async fn log_in(&self, role: Role) -> (String, String) {
        let answer = log_in(&self.server, self.key(role)).await;
        assert_eq!(answer.status, 200);
        let session = answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
        let token = csrf_token(&self.server).await;
        (format!("{session}; csrftoken={token}"), token)
    }
}

async fn csrf_token(server: &Server) -> String {
    server.get("/csrf").await.json()["csrf_token"].as_str().unwrap_or_default().to_owned()
}

async fn log_in(server: &Server, key: &str) -> Answer {
    server.post("/login", &json!({ "key": key })).await
}

/// Who asks, with what they bring: headers, and a watch token for this task.
struct Asker {
    name: String,
    role: Role,
    headers: Vec<(&'static str, String)>,
    token: Option<(TaskId, String)>,
}

/// Only the head: an answer may be a stream without an end.
async fn status(address: SocketAddr, route: &Route, task: TaskId, asker: &Asker) -> (u16, String) {
    let mut path = route.path.replace("{id}", &task.to_string()).replace("{name:.*}", "app.js").replace("{name}", "x");
    if route.path == "/stream" {
        path.push_str(&format!("?task={task}"));
    }
    if let Some((_, token)) = &asker.token {
        path.push_str(&format!("{}token={token}", if path.contains('?') { '&' } else { '?' }));
    }
    let mut request = Request::new(route.method.as_str(), &path);
    for (name, value) in &asker.headers {
        request = request.header(name, value.clone());
    }
    let answer = request.stream(address).await;
    (answer.status, answer.headers.get("www-authenticate").cloned().unwrap_or_default())
}

/// Goal: every route, whoever asks: nobody known is 401 with how to become known, known but too weak is 403, and who
/// may is let through to the route.
#[tokio::test]
async fn every_route_and_role() {
    let house = House::open();
    let server = &house.server;
    let hand = server.run().await;
    let (task, other) = (hand.task, server.start().await);
    let bearer = |value: String| vec![("authorization", value)];
    let asker = |name: &str, role, headers, token| Asker { name: name.to_owned(), role, headers, token };
    let mut askers = vec![
        asker("nobody", Role::Anyone, Vec::new(), None),
        asker("another scheme", Role::Anyone, bearer("Basic eDp5".to_owned()), None),
    ];
    let token = csrf_token(server).await;
    let cookie = format!("caudal_session=admin-key.9999999999999.x; csrftoken={token}");
    let made_up = vec![("cookie", cookie), ("x-csrftoken", token)];
    askers.push(asker("a made-up session", Role::Anyone, made_up, None));
    for role in Role::OF_KEYS {
        askers.push(asker(&format!("key {role}"), role, bearer(house.bearer(role)), None));
        let (cookie, token) = house.log_in(role).await;
        askers.push(asker(&format!("session {role}"), role, vec![("cookie", cookie), ("x-csrftoken", token)], None));
    }
    for watched in [task, other] {
        let path = format!("/tasks/{watched}");
        let seen =
            server.send(Request::new("GET", &path).header("authorization", house.bearer(Role::Read))).await.json();
        let token = seen["watch_url"].as_str().unwrap().split_once("token=").unwrap().1.to_owned();
        askers.push(asker("watcher", Role::Watch, Vec::new(), Some((watched, token))));
    }
    for route in ROUTES {
        for asker in &askers {
            // What is forgotten by one is asked for by the next.
            let target = if route.file == "delete_task" { other } else { task };
            let watches =
                asker.token.as_ref().is_none_or(|(watched, _)| *watched == target && route.role == Role::Watch);
            let role = if watches { asker.role } else { Role::Anyone };
            let (status, challenge) = status(server.running.address(), route, target, asker).await;
            let named = format!("{route:?} asked by {}: {status}", asker.name);
            match role {
                // A link that nobody signed is refused whoever brings it.
                _ if route.path == "/unsubscribe" => assert_eq!(status, 403, "{named}"),
                role if role >= route.role => assert!(!matches!(status, 401 | 403), "{named}"),
                Role::Anyone => assert!(status == 401 && challenge == "Bearer", "{named}"),
                _ => assert_eq!(status, 403, "{named}"),
            }
        }
    }
    // Last, since wrong keys make one wait.
    let wrong = asker("a wrong key", Role::Anyone, bearer("Bearer caudal_x".to_owned()), None);
    let flows = ROUTES.iter().find(|route| route.path == "/flows").unwrap();
    let answer = status(server.running.address(), flows, task, &wrong).await;
    assert_eq!(answer, (401, "Bearer error=\"invalid_token\"".to_owned()));
}

/// Goal: with no key configured everybody may do everything, also with a key that means nothing here.
#[tokio::test]
async fn without_keys() {
    let server = Server::start();
    let request = Request::new("GET", "/tasks").header("authorization", "Bearer x");
    assert_eq!(server.send(request).await.status, 200);
    let session = server.get("/session").await.json();
    assert_eq!(session, json!({"needs_key": false, "name": null, "role": "admin"}));
    assert_eq!(log_in(&server, "x").await.status, 404);
}

/// Goal: bulk requests may do what their action may: to forget tasks takes an admin.
#[tokio::test]
async fn bulk_deletes() {
    let house = House::open();
    let body = json!({"action": "delete", "ids": []});
    for (role, status) in [(Role::Read, 403), (Role::Start, 403), (Role::Admin, 200)] {
        let request = Request::new("POST", "/tasks/bulk").json(&body).header("authorization", house.bearer(role));
        assert_eq!(house.server.send(request).await.status, status, "{role}");
    }
}

/// Goal: a login gives a cookie that no script reads, that works on every server of the installation, ends by logout
/// and by time, and still needs the CSRF token to change something.
#[tokio::test]
async fn sessions() {
    let house = House::open();
    let server = &house.server;
    let answer = log_in(server, house.key(Role::Start)).await;
    assert_eq!((answer.json()["name"].as_str(), answer.json()["role"].as_str()), (Some("start-key"), Some("start")));
    let cookie = answer.header("set-cookie");
    for part in ["caudal_session=", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "{cookie}");
    let (cookies, token) = house.log_in(Role::Start).await;
    let with = |method: &'static str, path: &'static str| Request::new(method, path).header("cookie", cookies.clone());
    assert_eq!(server.send(with("GET", "/session")).await.json()["name"], "start-key");
    let start = || with("POST", "/start-task").json(&json!({"flow": "poem_flow"}));
    assert_eq!(server.send(start()).await.json()["code"], "csrf");
    assert_eq!(server.send(start().header("x-csrftoken", token)).await.status, 200);
    // What stands in Authorization counts, and the session is not asked.
    let both = with("GET", "/tasks").header("authorization", "Basic eDp5");
    assert_eq!(server.send(both).await.status, 401);

    let out = server.post("/logout", &json!({})).await;
    assert!(out.status == 204 && out.header("set-cookie").contains("Max-Age=0"), "{}", out.header("set-cookie"));
    server.clock.advance(Duration::from_secs(12 * 3_600));
    assert_eq!(server.send(with("GET", "/tasks")).await.status, 401, "it is over");
}

/// Goal: another server with the same secret and keys knows the session and the watch link, one with other keys does
/// not; over https the cookie is for https alone.
#[tokio::test]
async fn many_servers() {
    let (key, known) = ApiKey::generate("ann", Role::Read).unwrap();
    let settings = || WebSettings {
        api_keys: vec![known.line().parse().unwrap()],
        public_url: Some("https://flows.example.org/base/".parse().unwrap()),
        ..WebSettings::default()
    };
    let platform = Platform::default();
    let (one, two) = (Server::with(platform.clone(), settings()), Server::with(platform.clone(), settings()));
    let renewed = ApiKey::generate("ann", Role::Read).unwrap().1;
    let three = Server::with(platform, WebSettings { api_keys: vec![renewed], ..settings() });
    let answer = log_in(&one, &key).await;
    assert!(answer.header("set-cookie").contains("Secure"));
    let session = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    let task = one.start().await;
    let path = format!("/tasks/{task}");
    let see = || Request::new("GET", &path).header("cookie", session.clone());
    assert_eq!(three.send(see()).await.status, 401);
    let seen = two.send(see()).await.json();
    let link = seen["watch_url"].as_str().unwrap();
    let link = link.strip_prefix("https://flows.example.org/base").unwrap();
    assert_eq!((one.stream(link).await.status, two.stream(link).await.status), (200, 200));
    let token = link.split_once("token=").unwrap().1;
    let own = one.get(&format!("{path}?token={token}")).await.json();
    assert_eq!(own["task_id"], task.to_string());
    assert!(own["watch_url"].is_null(), "a watch link makes no further ones");
    one.clock.advance(Duration::from_secs(3_600));
    assert_eq!(one.stream(link).await.status, 401, "it is over");
}

/// Goal: each task of a connection over many must be covered by a token, and a filter is covered by none, however it is
/// written and whatever stands beside it.
#[tokio::test]
async fn watch_links_over_many() {
    let house = House::open();
    let server = &house.server;
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let task = server.start().await;
        let body = Request::new("GET", "/session").header("authorization", house.bearer(Role::Read));
        server.send(body).await;
        let path = format!("/tasks/{task}");
        let seen = server.send(Request::new("GET", &path).header("authorization", house.bearer(Role::Read))).await;
        let link = seen.json()["watch_url"].as_str().unwrap().to_owned();
        tokens.push((task, link.split_once("token=").unwrap().1.to_owned()));
    }
    let [(one, token_one), (two, token_two)] = &tokens[..] else { panic!("two tasks") };
    for (query, status) in [
        (format!("task={one}&task={two}&token={token_two}&token={token_one}"), 200),
        (format!("task={one}&task={two}&token={token_one}"), 401),
        (format!("log={one}@1&token={token_one}"), 200),
        (format!("task={one}&log={two}@1&token={token_one}"), 401),
        (format!("task={one}&changes=1&token={token_one}"), 403),
        (format!("tasks=flow%3Dpoem_flow&token={token_one}"), 401),
        (format!("token={token_one}"), 401),
        (format!("task={one}&tasks=&token={token_one}"), 400),
        (format!("log={one}&tasks=&token={token_one}"), 403),
        (format!("log={one}@1&tasks=flow%3Dpoem_flow&token={token_one}"), 403),
        (format!("log={one}@1&%74asks=&token={token_one}"), 403),
        (format!("log={one}@1&tasks&token={token_one}"), 403),
        (format!("tasks=&tasks=flow%3Dx&log={one}&token={token_one}"), 403),
        (format!("log={one}&t%61sk={two}&token={token_one}"), 401),
        (format!("log={one}&task=&token={token_one}"), 401),
        (format!("log={one}&log=&token={token_one}"), 401),
        (format!("log={one}&log={two}&log={one}&token={token_one}"), 401),
        (format!("log={one}@1@{two}&token={token_one}"), 400),
        (format!("task={one}%26task%3D{two}&token={token_one}"), 401),
        (format!("log={one}&changes=&changes=1&token={token_one}"), 200),
        (format!("log={one}&changes=1&changes=&token={token_one}"), 403),
        (format!("log={one}&token=&token={token_one}&token=x"), 200),
        (format!("log={one}&token={token_one}{token_two}"), 401),
    ] {
        assert_eq!(server.stream(&format!("/stream?{query}")).await.status, status, "{query}");
    }
    // Who asks with a key of its own may do both.
    let path = format!("/stream?log={one}@1&tasks=");
    let own = Request::new("GET", &path).header("authorization", house.bearer(Role::Read));
    assert_eq!(own.stream(server.running.address()).await.status, 200);
}

/// Goal: a browser that opens the page is sent to the login, a program is not, and the login is there for everybody.
#[tokio::test]
async fn the_way_to_the_login() {
    let house = House::open();
    let server = &house.server;
    let html = "text/html,application/xhtml+xml,*/*;q=0.8";
    let page = server.send(Request::new("GET", "/").header("accept", html)).await;
    assert_eq!((page.status, page.header("location")), (303, "/login"));
    assert_eq!(server.get("/").await.status, 401);
    assert_eq!(server.send(Request::new("GET", "/tasks").header("accept", html)).await.status, 401);
    let login = server.send(Request::new("GET", "/login").header("accept", html)).await;
    assert_eq!((login.status, login.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(login.header("set-cookie").starts_with("csrftoken="));
    let (cookies, _) = house.log_in(Role::Read).await;
    let page = server.send(Request::new("GET", "/").header("accept", html).header("cookie", cookies)).await;
    assert_eq!(page.status, 200);
    let settings = WebSettings { served: Served::Health, ..WebSettings::default() };
    assert_eq!(House::with(settings).server.get("/readyz").await.status, 200, "probes bring no key");
}

/// Goal: wrong keys make an address wait, longer each time; a right key is not made to wait with them, wherever it comes.
#[tokio::test]
async fn wrong_keys_are_slowed_down() {
    let house = House::open();
    let server = &house.server;
    for _ in 0..5 {
        assert_eq!(log_in(server, "wrong").await.json()["code"], "unauthenticated");
    }
    let answer = log_in(server, "wrong").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (429, Some("rate_limited")));
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(log_in(server, house.key(Role::Admin)).await.status, 200, "locked out by a neighbour");
    let ask = |key: String| Request::new("GET", "/flows").header("authorization", key);
    assert_eq!(server.send(ask("Bearer wrong".to_owned())).await.status, 429);
    assert_eq!(server.send(ask(house.bearer(Role::Read))).await.status, 200);
    for body in [json!({}), json!({"key": 1}), json!({"key": "x", "more": 1}), json!([])] {
        assert_eq!(server.post("/login", &body).await.status, 400, "{body}");
    }
}

/// Goal: pages of allowed origins may ask with a key or a watch link, read refusals, and never use a session; others
/// are told nothing.
#[tokio::test]
async fn other_origins() {
    let app = "https://app.example.org";
    let house = House::with(WebSettings { cors_origins: vec![app.to_owned()], ..WebSettings::default() });
    let server = &house.server;
    let preflight = |origin: &'static str, headers: &'static str| {
        Request::new("OPTIONS", "/start-task")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", headers)
    };
    let answer = server.send(preflight(app, "authorization,content-type,idempotency-key")).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, app));
    assert!(answer.header("access-control-allow-headers").contains("authorization"));
    assert!(answer.header("access-control-allow-methods").contains("POST"));
    assert_eq!(answer.header("access-control-max-age"), "600");
    assert!(answer.header("access-control-allow-credentials").is_empty(), "no cookies");
    for refused in [preflight("https://evil.example", "content-type"), preflight(app, "x-csrftoken")] {
        let answer = server.send(refused).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (400, ""));
    }

    let from_app = |request: Request<'static>| request.header("origin", app).header("sec-fetch-site", "cross-site");
    let start = || from_app(Request::new("POST", "/start-task").json(&json!({"flow": "poem_flow"})));
    let refused = server.send(start()).await;
    assert_eq!((refused.json()["code"].as_str(), refused.header("access-control-allow-origin")), (Some("csrf"), app));
    let started = server.send(start().header("authorization", house.bearer(Role::Start))).await;
    assert_eq!((started.status, started.header("access-control-allow-origin")), (200, app));
    let link = started.json()["watch_url"].as_str().unwrap().to_owned();
    let watching = Request::new("GET", &link).header("origin", app).stream(server.running.address()).await;
    assert_eq!(watching.status, 200);
    assert_eq!(watching.headers.get("access-control-allow-origin").map(String::as_str), Some(app));
    let unknown = server.send(from_app(Request::new("GET", "/flows"))).await;
    assert_eq!((unknown.status, unknown.header("access-control-allow-origin")), (401, app));
    assert!(unknown.header("access-control-expose-headers").contains("retry-after"));
    let foreign =
        Request::new("GET", &link).header("origin", "https://evil.example").stream(server.running.address()).await;
    assert!(!foreign.headers.contains_key("access-control-allow-origin"));
    let own = Request::new("GET", "/session").header("origin", "http://localhost");
    assert_eq!(server.send(own).await.status, 200, "our own page names its origin too");
}

/// Goal: the clock of sessions and links is the server's.
#[tokio::test]
async fn until_when() {
    let house = House::open();
    let until = log_in(&house.server, house.key(Role::Read)).await.json()["until"].clone();
    let until = Timestamp::parse(until.as_str().unwrap()).unwrap();
    use caudal_engine::ports::Clock;
    assert_eq!(until, house.server.clock.now() + Duration::from_secs(12 * 3_600));
}
