//! What a server's answers mean, wherever in the conversation they come.

use lettre::Address;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::*;

/// Goal: no line of a mail is taken for its end, and the end is there once.
#[test]
fn a_mail_ends_where_it_ends() {
    let sent = |raw: &str| Whole(raw.as_bytes()).to_string();
    assert_eq!(sent("A: b\r\n\r\n.\r\n..c\r\nd.\r\n"), "A: b\r\n\r\n..\r\n...c\r\nd.\r\n.\r\n");
    assert_eq!(sent("A: b\r\n\r\nc"), "A: b\r\n\r\nc\r\n.\r\n");
}

/// A server that says yes to everything but lines that begin with this word; those it answers after a while.
async fn server(word: &'static str, answer: &'static str, after: Duration) -> SmtpSettings {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (input, mut output) = listener.accept().await.unwrap().0.into_split();
        let mut lines = BufReader::new(input).lines();
        output.write_all(b"220 ready\r\n").await.unwrap();
        let mut in_mail = false;
        while let Ok(Some(line)) = lines.next_line().await {
            if in_mail && line != "." {
                continue;
            }
            in_mail = line == "DATA";
            let said = if line.starts_with(word) {
                tokio::time::sleep(after).await;
                answer
            } else if in_mail {
                "354 go on"
            } else {
                "250 OK"
            };
            output.write_all(format!("{said}\r\n").as_bytes()).await.unwrap();
        }
    });
    let mut settings = SmtpSettings::parse(&format!("smtp://127.0.0.1:{port}?tls=none")).unwrap();
    settings.timeout = Duration::from_millis(500);
    settings
}

async fn handed_over(word: &'static str, answer: &'static str, after: Duration) -> Result<(), Trouble> {
    let address = |text: &str| text.parse::<Address>().unwrap();
    let envelope = Envelope::new(Some(address("a@example.org")), vec![address("b@example.org")]).unwrap();
    let raw = b"Subject: Hola\r\n\r\nHola\r\n";
    let settings = server(word, answer, after).await;
    Conversation::begin(&settings).await.unwrap().dialogue(&envelope, raw, &AtomicBool::default()).await
}

/// Goal: a server that leaves at the first word has not heard of the mail; one that leaves later does so because of it.
#[tokio::test]
async fn a_leave_is_about_the_mail_once_it_was_named() {
    let leaves = async |word| handed_over(word, "421 4.3.2 bye", Duration::ZERO).await.unwrap_err();
    assert!(matches!(leaves("MAIL").await, Trouble::Over(_)));
    for word in ["RCPT", "DATA", "."] {
        let trouble = leaves(word).await;
        assert!(matches!(&trouble, Trouble::BrokenOff(words) if words.starts_with("421")), "{word}: {trouble:?}");
    }
}

/// Goal: a login that is missing is the settings' trouble; a sender that is refused is the mail's.
#[tokio::test]
async fn a_missing_login_says_nothing_about_the_mail() {
    let refuses = async |answer| handed_over("MAIL", answer, Duration::ZERO).await.unwrap_err();
    assert!(matches!(refuses("530 5.7.0 Authentication required").await, Trouble::Away(_)));
    assert!(matches!(refuses("550 5.7.1 no").await, Trouble::Refused(_)));
    assert!(matches!(refuses("451 4.7.1 later").await, Trouble::NotNow(_)));
}

/// Goal: a server may look into a mail for longer than it may take for any other answer.
#[tokio::test]
async fn the_end_of_a_mail_may_take_long() {
    let slow = Duration::from_millis(1_500);
    handed_over(".", "250 OK", slow).await.unwrap();
    assert!(matches!(handed_over("RCPT", "250 OK", slow).await, Err(Trouble::BrokenOff(_))));
}
