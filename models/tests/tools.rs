//! The tools that ship, in a flow: what they find, what they refuse.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails where it cannot go on")]

extern crate caudal_engine as caudal;

use std::fs;
use std::path::Path;

use caudal::flow::Secret;
use caudal::prelude::*;
use caudal::task::WireState;
use caudal::testing::{FlowTest, TestedTask};
use caudal_models::tools::search::{Tavily, WebSearch, WebSearchInput};
use caudal_models::tools::{Sandbox, fetch_page, list_files, read_file, web_search, write_file};
use caudal_models::web_page::FetchSettings;
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

#[derive(Serialize, Deserialize, JsonSchema)]
struct Use {
    tool: String,
    arguments: Value,
}

/// Uses a tool in a step, as an agent does.
#[flow]
async fn use_flow(ctx: &mut FlowContext, input: Use) -> FlowResult<Value> {
    let tools = [
        web_search.definition(),
        fetch_page.definition(),
        list_files.definition(),
        read_file.definition(),
        write_file.definition(),
    ];
    let Some(tool) = tools.into_iter().find(|tool| tool.name == input.tool) else { return Ok(Value::Null) };
    let caudal::flow::tool::ToolRun::InStep(run) = tool.run else { return Ok(Value::Null) };
    let output = ctx.step(tool.title, |step| run(step, input.arguments.clone().into())).await?;
    Ok(output.to_value())
}

fn using(tool: &str, arguments: Value) -> FlowTest {
    FlowTest::new(use_flow, Use { tool: tool.to_owned(), arguments })
}

async fn in_sandbox(folder: &Path, tool: &str, arguments: Value) -> TestedTask {
    using(tool, arguments).resource(Sandbox::at(folder)).run().await
}

fn told(task: &TestedTask) -> String {
    task.error().map(|error| error.message.clone()).unwrap_or_else(|| format!("{:?}", task.view.final_result))
}

/// Goal: Tavily is asked as it wants to be, and what it finds is shown.
#[tokio::test]
async fn tavily() {
    let server = MockServer::start().await;
    let answer = json!({ "results": [
        { "url": "https://example.org/a", "title": "A", "content": "About a.", "score": 0.9 },
        { "url": "file:///etc/passwd", "title": "B", "content": "" },
    ] });
    Mock::given(method("POST"))
        .and(path("/search"))
        .and(header("authorization", "Bearer tvly-1"))
        .and(body_partial_json(json!({ "query": "sky", "max_results": 5 })))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .mount(&server)
        .await;
    let search = WebSearch::of(Some(Secret::new("tvly-1".to_owned())), server.uri().parse().ok(), None);
    let task = using("web_search", json!({ "query": "sky" })).resource(search).run().await;
    assert_eq!(
        task.result::<Value>(),
        json!([{ "url": "https://example.org/a", "content": "About a.", "title": "A" }])
    );
    let view = serde_json::to_value(&task.view).unwrap();
    let shown = view["details"]["step_results"].as_array().unwrap().iter().find(|item| item["type"] == "tool_result");
    assert_eq!(shown.unwrap()["tool"], "tavily");
}

/// Goal: a wrong key is named by its variable and shown nowhere; a busy service is asked again.
#[tokio::test]
async fn tavily_refuses() {
    let server = MockServer::start().await;
    let body = json!({ "detail": "bad key tvly-secret" });
    Mock::given(path("/search")).respond_with(ResponseTemplate::new(401).set_body_json(body)).mount(&server).await;
    let search = WebSearch::with(Tavily::new(Secret::new("tvly-secret".to_owned()), server.uri().parse().ok()));
    let task = using("web_search", json!({ "query": "sky" })).resource(search).run().await;
    assert_eq!(told(&task), "Tavily refuses the key in TAVILY_API_KEY (401)");
    assert!(!format!("{:?}", task.events).contains("tvly-secret"));
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

/// Goal: DuckDuckGo's page is read; its "you are a machine" is tried again and then told.
#[tokio::test]
async fn duckduckgo() {
    let server = MockServer::start().await;
    let html = r#"<div class="result"><a class="result__a" href="//duckduckgo.com/l/?uddg=https%3A%2F%2Fexample.org%2F">Sky</a>
        <a class="result__snippet">Blue.</a></div>"#;
    Mock::given(query_param("q", "sky & sea"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(html, "text/html"))
        .mount(&server)
        .await;
    let search = || WebSearch::of(None, None, server.uri().parse().ok());
    let task = using("web_search", json!({ "query": "sky & sea" })).resource(search()).run().await;
    assert_eq!(task.result::<Value>(), json!([{ "url": "https://example.org/", "content": "Blue.", "title": "Sky" }]));
    Mock::given(query_param("q", "me")).respond_with(ResponseTemplate::new(202)).mount(&server).await;
    let task = using("web_search", json!({ "query": "me" })).resource(search()).run().await;
    assert_eq!(told(&task), "DuckDuckGo answers 202");
    let input: WebSearchInput = serde_json::from_value(json!({ "query": "x" })).unwrap();
    assert_eq!(input.most_results, 5);
}

/// Goal: what pretends to be a page and is none is named and costs little: a PDF, 50 MB, nothing at all.
#[tokio::test]
async fn pages_that_are_none() {
    let server = MockServer::start().await;
    let pages = [
        ("/pdf", ResponseTemplate::new(200).set_body_raw("%PDF-1.7", "application/pdf")),
        (
            "/liar",
            ResponseTemplate::new(200).set_body_raw([b"%PDF-1.7 ".as_slice(), &[0; 2_000]].concat(), "text/html"),
        ),
        ("/huge", ResponseTemplate::new(200).set_body_raw("x".repeat(50_000_000), "text/html")),
        ("/empty", ResponseTemplate::new(200).set_body_raw("", "text/html")),
    ];
    for (at, answer) in pages {
        Mock::given(path(at)).respond_with(answer).mount(&server).await;
    }
    let fetch = |at: &str| {
        let open = FetchSettings { allow_private_addresses: true, ..FetchSettings::default() };
        using("fetch_page", json!({ "url": format!("{}{at}", server.uri()) })).resource(open)
    };
    assert!(told(&fetch("/pdf").run().await).contains("application/pdf, only text and HTML"));
    assert!(told(&fetch("/liar").run().await).contains("PDF"), "{}", told(&fetch("/liar").run().await));
    assert!(told(&fetch("/huge").run().await).contains("larger than"));
    let empty = fetch("/empty").run().await;
    assert!(empty.state() == WireState::Failure || empty.result::<Value>()["words"] == 0, "{}", told(&empty));
}

/// Goal: the same guards as the flow: nothing private is reached by the tool.
#[tokio::test]
async fn the_tool_is_guarded() {
    let server = MockServer::start().await;
    let task = using("fetch_page", json!({ "url": server.uri() })).run().await;
    assert!(told(&task).contains("not on the public internet"), "{}", told(&task));
    assert!(server.received_requests().await.unwrap().is_empty());
}

/// Goal: files come and go inside the sandbox, in folders of it too.
#[tokio::test]
async fn files_in_the_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = folder.path().join("made when used");
    let written = in_sandbox(&sandbox, "write_file", json!({ "path": "a/b.md", "text": "ä" })).await;
    assert_eq!(written.result::<Value>(), json!({ "path": "a/b.md", "bytes": 2 }));
    let again = in_sandbox(&sandbox, "write_file", json!({ "path": "a/../a/b.md", "text": "new" })).await;
    assert_eq!(again.state(), WireState::Success, "{}", told(&again));
    assert_eq!(in_sandbox(&sandbox, "read_file", json!({ "path": "a/b.md" })).await.result::<String>(), "new");
    let listed = in_sandbox(&sandbox, "list_files", json!({ "path": "a" })).await.result::<Value>();
    assert_eq!(listed, json!([{ "name": "b.md", "is_folder": false, "bytes": 3 }]), "and nothing half-written");
    let top = in_sandbox(&sandbox, "list_files", json!({})).await.result::<Value>();
    assert_eq!(top[0]["is_folder"], true);
}

/// Goal: a file that many write at once is one of what they wrote, whole.
#[tokio::test]
async fn many_write_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let writing = (0..8).map(|number| {
        let text = number.to_string().repeat(100_000);
        let path = folder.path();
        async move { in_sandbox(path, "write_file", json!({ "path": "a", "text": text })).await.state() }
    });
    let states = futures_util::future::join_all(writing).await;
    assert!(states.iter().all(|state| *state == WireState::Success), "{states:?}");
    let text = fs::read_to_string(folder.path().join("a")).unwrap();
    assert!(text.len() == 100_000 && text.bytes().all(|byte| byte == text.as_bytes()[0]));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Goal: nothing outside the sandbox is read or written, however it is asked for.
#[cfg(unix)]
#[tokio::test]
async fn there_is_no_way_out() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let (inside, outside) = (folder.path().join("inside"), folder.path().join("outside"));
    fs::create_dir_all(inside.join("sub")).unwrap();
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("secret"), "the secret").unwrap();
    symlink(outside.join("secret"), inside.join("link")).unwrap();
    symlink(&outside, inside.join("linked")).unwrap();
    symlink("../../outside", inside.join("sub/up")).unwrap();
    symlink("link", inside.join("link2")).unwrap();
    symlink("loop", inside.join("loop")).unwrap();
    symlink("/", inside.join("root")).unwrap();
    let absolute = outside.join("secret");
    let absolute = absolute.to_str().unwrap();
    let tries = [
        "../outside/secret",
        "./../outside/secret",
        "sub/../../outside/secret",
        "sub/../../outside/./secret",
        "sub/up/secret",
        absolute,
        "/etc/passwd",
        "//etc/passwd",
        "/proc/self/environ",
        "/dev/null",
        "link",
        "link2",
        "./link",
        "linked/secret",
        "linked/../outside/secret",
        "root/etc/passwd",
        "root/proc/self/cmdline",
        "loop",
        "..",
        "../",
        "../inside/../outside/secret",
        "~/secret",
        "$HOME/secret",
        "..\\outside\\secret",
        "%2e%2e/outside/secret",
        "file:///etc/passwd",
        "\u{2025}/outside/secret",
        "a\0b",
        "",
        ".",
        "sub",
        "sub/",
        "nowhere/at/all",
    ];
    for path in tries {
        let read = in_sandbox(&inside, "read_file", json!({ "path": path })).await;
        assert_eq!(read.state(), WireState::Failure, "{path:?} was read: {}", told(&read));
        assert!(!format!("{:?}", read.view).contains("the secret"), "{path:?}");
    }
    for path in [
        "../new",
        "../outside/new",
        "sub/../../new",
        "linked/new",
        "sub/up/new",
        "root/tmp/new",
        "/tmp/caudal-new",
        "link",
        "..",
        "",
        ".",
        "sub",
        "linked",
    ] {
        let written = in_sandbox(&inside, "write_file", json!({ "path": path, "text": "new" })).await;
        assert_eq!(written.state(), WireState::Failure, "{path:?} was written");
    }
    for path in ["..", "/", "../outside", "linked", "sub/up", "root"] {
        let listed = in_sandbox(&inside, "list_files", json!({ "path": path })).await;
        assert_eq!(listed.state(), WireState::Failure, "{path:?} was listed: {}", told(&listed));
    }
    assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "the secret");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

/// Goal: a link that is swapped in while files are read and written gives nothing away.
#[cfg(unix)]
#[tokio::test]
async fn a_swapped_link_gives_nothing_away() {
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};
    let folder = tempfile::tempdir().unwrap();
    let (inside, outside) = (folder.path().join("inside"), folder.path().join("outside"));
    fs::create_dir_all(&inside).unwrap();
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("file"), "the secret").unwrap();
    let done = std::sync::Arc::new(AtomicBool::new(false));
    let swapping = std::thread::spawn({
        let (inside, outside, done) = (inside.clone(), outside.clone(), done.clone());
        move || {
            while !done.load(Ordering::Relaxed) {
                let place = inside.join("place");
                let _ = fs::create_dir(&place);
                let _ = fs::write(place.join("file"), "harmless");
                let _ = fs::remove_dir_all(&place);
                let _ = symlink(&outside, &place);
                let _ = fs::remove_file(&place);
            }
        }
    });
    // What never works refuses nothing: it goes on until the file was read and written while it was really there.
    let (mut read, mut written) = (0, 0);
    for turn in 1.. {
        let task = in_sandbox(&inside, "read_file", json!({ "path": "place/file" })).await;
        assert!(!format!("{:?}", task.view).contains("the secret"));
        read += u32::from(task.state() == WireState::Success);
        let task = in_sandbox(&inside, "write_file", json!({ "path": "place/file", "text": "new" })).await;
        written += u32::from(task.state() == WireState::Success);
        if turn >= 30 && read > 0 && written > 0 {
            break;
        }
        assert!(turn < 20_000, "in so many turns {read} reads and {written} writes succeeded");
    }
    done.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
    assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "the secret");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

/// Goal: what is no text file is not waited for or read: a pipe, something huge, something binary.
#[cfg(unix)]
#[tokio::test]
async fn only_texts_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::write(folder.path().join("binary"), [0xff, 0xfe]).unwrap();
    fs::File::create(folder.path().join("huge")).unwrap().set_len(1 << 40).unwrap();
    for (path, why) in [("pipe", "is no file"), ("binary", "is no text"), ("huge", "is larger than")] {
        let task = in_sandbox(folder.path(), "read_file", json!({ "path": path })).await;
        assert!(told(&task).contains(why), "{path}: {}", told(&task));
    }
}
