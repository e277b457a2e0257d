//! What the guard must refuse, and what it must let through.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};

use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

/// Reaches everything, as with the setting that allows private addresses.
fn open() -> FetchSettings {
    FetchSettings { allow_private_addresses: true, ..FetchSettings::default() }
}

fn html(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(text, "text/html; charset=utf-8")
}

fn redirect_to(target: &str) -> ResponseTemplate {
    ResponseTemplate::new(302).insert_header("location", target)
}

async fn serve(at: &str, answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path(at)).respond_with(answer).mount(&server).await;
    server
}

/// Goal: however an inner address is written, strictly nothing is sent to it.
#[tokio::test]
async fn hostile_addresses_are_refused() {
    let listed = include_str!("../hostile_addresses.txt").lines().filter(|line| !line.starts_with('#'));
    for url in listed.chain(["  http://127.0.0.1/  "]) {
        let refused = fetch_page(&FetchSettings::default(), url).await;
        assert!(matches!(refused, Err(FetchError::NotPublic(_))), "{url}: {refused:?}");
    }
}

/// Goal: what is no page's address is refused before anything is looked up.
#[tokio::test]
async fn other_schemes_and_credentials_are_refused() {
    let bad = [
        "",
        "example.com",
        "/etc/passwd",
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://127.0.0.1:6379/_INFO",
        "data:text/html,hello",
        "javascript:alert(1)",
        "jar:http://x!/",
        "ws://example.com/",
        "unix:/run/docker.sock",
        "http://",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "http://[::1",
        "http://[fe80::1%25eth0]/",
        "http://example.com:99999/",
        "http://256.256.256.256/",
        "http://exa mple.com/",
    ];
    for url in bad {
        let refused = fetch_page(&FetchSettings::default(), url).await;
        let Err(FetchError::BadUrl(..)) = &refused else { panic!("{url}: {refused:?}") };
        assert!(!refused.unwrap_err().to_string().contains("secret"));
    }
}

/// Only one address may be reached, so that a server on it can stand for the public internet; names are not the system's.
const OUTSIDE: Reach = Reach { reaches: |address| address == PUBLIC, look_up: names };
const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A name server of a stranger's: what it answers is in the name.
fn names(name: String) -> Found {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let private: [IpAddr; 3] =
        [[10, 0, 0, 7].into(), [127, 0, 0, 2].into(), Ipv6Addr::from_bits(0xfd00 << 112 | 7).into()];
    let found = match name.as_str() {
        "private.test" => private.to_vec(),
        "mixed.test" => private.into_iter().chain([PUBLIC]).collect(),
        "empty.test" => Vec::new(),
        // Another answer each time: the second one leads inside.
        "turning.test" if ASKED.fetch_add(1, Ordering::SeqCst) == 0 => vec![PUBLIC],
        "turning.test" => private.to_vec(),
        _ => vec![PUBLIC],
    };
    Box::pin(async move { Ok(found) })
}

/// Goal: a name that resolves to private addresses is refused; of one with both kinds only the public one is connected
/// to; one that turns inside between two requests of one fetch gains nothing.
#[tokio::test]
async fn names_that_lead_inside() {
    let server = serve("/", html("<title>Outside</title><p>Text.</p>")).await;
    Mock::given(path("/turn")).respond_with(redirect_to("/")).mount(&server).await;
    let fetch = async |name: &str, path: &str| {
        let url = format!("http://{name}:{}{path}", server.address().port());
        fetch_within(&FetchSettings::default(), OUTSIDE, &url).await
    };
    for inside in ["private.test", "empty.test"] {
        let refused = fetch(inside, "/").await;
        assert!(matches!(&refused, Err(FetchError::NotPublic(name)) if name == inside), "{inside}: {refused:?}");
    }
    assert!(server.received_requests().await.unwrap().is_empty(), "nothing was sent");
    for outside in ["mixed.test", "public.test"] {
        assert!(fetch(outside, "/").await.unwrap().text.contains("Outside"), "{outside}");
    }
    let refused = fetch("turning.test", "/turn").await;
    assert!(matches!(&refused, Err(FetchError::NotPublic(name)) if name == "turning.test"), "{refused:?}");
    let sent = server.received_requests().await.unwrap();
    assert_eq!(sent.iter().map(|request| request.url.path()).collect::<Vec<_>>(), ["/", "/", "/turn"]);
}

/// Goal: a redirect is checked like the first address: by number, by name and by scheme.
#[tokio::test]
async fn a_redirect_cannot_lead_inside() {
    for inside in ["http://127.0.0.2/", "http://2130706434/", "//127.0.0.2/", "http://[::1]:9/"] {
        let server = serve("/", redirect_to(inside)).await;
        let refused = fetch_within(&FetchSettings::default(), OUTSIDE, &server.uri()).await;
        assert!(matches!(refused, Err(FetchError::NotPublic(_))), "{inside}: {refused:?}");
    }
    let server = serve("/", redirect_to("file:///etc/passwd")).await;
    let refused = fetch_within(&FetchSettings::default(), OUTSIDE, &server.uri()).await;
    assert!(matches!(refused, Err(FetchError::BadUrl(..))), "{refused:?}");
}

/// Goal: relative redirects are followed, and the page says where they ended.
#[tokio::test]
async fn redirects_are_followed_five_times() {
    let server = MockServer::start().await;
    for hop in 0..6 {
        Mock::given(path(format!("/{hop}"))).respond_with(redirect_to(&format!("/{}", hop + 1))).mount(&server).await;
    }
    Mock::given(path("/6")).respond_with(html("<title>There</title>")).mount(&server).await;

    let page = fetch_page(&open(), &format!("{}/1", server.uri())).await.unwrap();
    assert_eq!((page.url.path(), page.media_type), ("/6", MediaType::Html));
    let refused = fetch_page(&open(), &format!("{}/0", server.uri())).await;
    assert!(matches!(refused, Err(FetchError::TooManyRedirects)), "{refused:?}");
}

/// Goal: a page is read up to its last allowed byte, announced or not, and not one further.
#[tokio::test]
async fn size_is_limited() {
    let settings = FetchSettings { most_bytes: 1000, ..open() };
    let server = serve("/", html(&"x".repeat(1000))).await;
    assert_eq!(fetch_page(&settings, &server.uri()).await.unwrap().bytes, 1000);
    let server = serve("/", html(&"x".repeat(1001))).await;
    assert!(matches!(fetch_page(&settings, &server.uri()).await, Err(FetchError::TooLarge(1000))));
    // Chunked: the length is not known before the end.
    let chunked = serve_raw(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n",
        b"200\r\n",
        &[b'x'; 512],
    );
    assert!(matches!(fetch_page(&settings, &chunked).await, Err(FetchError::TooLarge(1000))));
}

/// Goal: a small body that grows when it is unpacked is read no further than a large one.
#[tokio::test]
async fn a_bomb_does_not_go_off() {
    let packed = packed_zeros(200_000);
    assert!(packed.len() < 400_000, "and yet it is 50 MB");
    let answer = html("").insert_header("content-encoding", "gzip").set_body_raw(packed, "text/html");
    let server = serve("/", answer).await;
    let refused = fetch_page(&open(), &server.uri()).await;
    assert!(matches!(refused, Err(FetchError::TooLarge(_))), "{refused:?}");
}

/// So many times 258 zeros, as gzip: each time the same 13 bits ("258 bytes, as the one before").
fn packed_zeros(times: usize) -> Vec<u8> {
    const BLOCK_OF_FIXED_CODES: &str = "010";
    const ZERO: &str = "00110000";
    const AGAIN: &str = "1100010100000";
    let bits = format!("{BLOCK_OF_FIXED_CODES}{ZERO}{}", AGAIN.repeat(times));
    let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | (bit & 1));
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    head.into_iter().chain(bits.as_bytes().chunks(8).map(byte)).collect()
}

/// Goal: a server that sends and sends, slowly, does not hold a worker for longer than the time limit.
#[tokio::test]
async fn time_is_limited() {
    let settings = FetchSettings { timeout: Duration::from_millis(200), ..open() };
    let server = serve("/", html("late").set_delay(Duration::from_secs(60))).await;
    assert!(matches!(fetch_page(&settings, &server.uri()).await, Err(FetchError::TooSlow(_))));
}

/// Goal: what cannot be read as text is named, not read.
#[tokio::test]
async fn only_text_is_read() {
    let server = serve("/", ResponseTemplate::new(200).set_body_raw("x", "image/png")).await;
    let refused = fetch_page(&open(), &server.uri()).await.unwrap_err();
    assert_eq!(refused.to_string(), "the page is image/png, only text and HTML can be read");
}

/// Goal: an answer that may change is told apart from one that will not, with the server's own wish.
#[tokio::test]
async fn status_says_whether_to_ask_again() {
    let server = serve("/", ResponseTemplate::new(503).insert_header("retry-after", "7")).await;
    let busy = fetch_page(&open(), &server.uri()).await;
    assert!(matches!(busy, Err(FetchError::Busy(_, Some(wait))) if wait == Duration::from_secs(7)), "{busy:?}");
    let server = serve("/", ResponseTemplate::new(404)).await;
    assert!(matches!(fetch_page(&open(), &server.uri()).await, Err(FetchError::Refused(_))));
}

/// A server on loopback that sends a head and then repeats a chunk until the reader goes away.
fn serve_raw(head: &'static [u8], size: &'static [u8], chunk: &'static [u8]) -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let Ok((mut connection, _)) = listener.accept() else { return };
        let _ = connection.read(&mut [0; 4096]);
        let _ = connection.write_all(head);
        while connection.write_all(size).and_then(|()| connection.write_all(chunk)).is_ok() {
            let _ = connection.write_all(b"\r\n");
        }
    });
    url
}
