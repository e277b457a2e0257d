//! A mail server that we did not write (aiosmtpd), and what Python's `email` reads in the mails that it receives.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tempfile::TempDir;

use crate::free_port::free_port;
use crate::patience::until;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/mail_server.py");
/// Made by `scripts/mail-venv`.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/mail-venv/bin/python");

/// Where one of these is set a test without the server fails: nobody reads there what was skipped.
const REQUIRED_BY: [&str; 2] = ["CI", "CAUDAL_TEST_MAIL_REQUIRED"];

/// What the server asks of those who send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailLogin {
    /// Nothing.
    Open,
    /// STARTTLS, then user and password.
    StartTls,
    /// TLS from the first byte, then user and password.
    Wrapped,
}

impl MailLogin {
    const USER: &str = "caudal@example.org";
    /// With signs that must be escaped in a URL.
    const PASSWORD: &str = "pä ss/wörd";
    const IN_URL: &str = "caudal%40example.org:p%C3%A4%20ss%2Fw%C3%B6rd";
}

/// Killed with its test.
#[derive(Debug)]
pub struct MailServer {
    port: u16,
    login: MailLogin,
    child: Child,
    mails: Arc<Mutex<Vec<Value>>>,
    folder: TempDir,
}

impl MailServer {
    /// None where Python's environment was not made: then the test says that it was skipped, unless it must not be.
    pub async fn start(login: MailLogin) -> Option<Self> {
        if !PathBuf::from(PYTHON).exists() {
            let required = REQUIRED_BY.iter().find(|name| std::env::var_os(name).is_some());
            assert_eq!(required, None, "there is no mail server to test with, and this says that there must be one");
            eprintln!("SKIPPED: there is no mail server to test with; scripts/mail-venv fetches one");
            return None;
        }
        let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
        let mut command = Command::new(PYTHON);
        command.arg(SCRIPT).arg(port.to_string());
        if login != MailLogin::Open {
            let certificate = own_certificate(&folder);
            command.arg("--certificate").arg(&certificate).arg("--key").arg(certificate.with_extension("key"));
            command.args(["--user", MailLogin::USER, "--password", MailLogin::PASSWORD]);
        }
        if login == MailLogin::Wrapped {
            command.arg("--wrapped");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mails = Arc::<Mutex<Vec<Value>>>::default();
        let (output, told) = (child.stdout.take().unwrap(), mails.clone());
        std::thread::spawn(move || listen(output, &told));
        let server = Self { port, login, child, mails, folder };
        until("the mail server is ready", || async { (!server.told().is_empty()).then_some(()) }).await;
        Some(server)
    }

    /// As the setting `smtp_url` has it.
    pub fn url(&self) -> String {
        let port = self.port;
        match self.login {
            MailLogin::Open => format!("smtp://127.0.0.1:{port}"),
            MailLogin::StartTls => format!("smtp://{}@localhost:{port}?tls=required", MailLogin::IN_URL),
            MailLogin::Wrapped => format!("smtps://{}@localhost:{port}", MailLogin::IN_URL),
        }
    }

    /// Who signed the server's certificate: itself.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("server.pem")
    }

    /// All mails so far, in the order in which they came.
    pub fn mails(&self) -> Vec<Value> {
        self.told().split_off(1)
    }

    /// Waits until so many are here.
    pub async fn received(&self, count: usize) -> Vec<Value> {
        let here = || async { Some(self.mails()).filter(|mails| mails.len() >= count) };
        until(&format!("the mail server has {count} mails"), here).await
    }

    /// Readiness, then the mails.
    fn told(&self) -> Vec<Value> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}

fn listen(output: ChildStdout, told: &Mutex<Vec<Value>>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        told.lock().unwrap_or_else(PoisonError::into_inner).push(value);
    }
}

fn own_certificate(folder: &TempDir) -> PathBuf {
    let certificate = folder.path().join("server.pem");
    let status = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        // One that signs others is refused as a server's own.
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-out")
        .arg(&certificate)
        .arg("-keyout")
        .arg(certificate.with_extension("key"))
        .stderr(Stdio::null())
        .status();
    assert!(status.is_ok_and(|status| status.success()), "openssl makes a certificate; is it installed?");
    certificate
}
