//! The real binary at work, in a folder of its own, ended with its test.

use std::fs::{self, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};

use crate::client::Client;
use crate::free_port::free_port;
use crate::patience::Patience;
use crate::process::Process;
use crate::setup::Setup;
use crate::step_log::StepLog;

/// Shown of a server's log when its test fails.
const LOG_LINES: usize = 60;

#[derive(Debug)]
pub struct Server {
    setup: Setup,
    address: SocketAddr,
    child: Child,
    ended: Option<ExitStatus>,
}

impl Server {
    pub(crate) async fn start(setup: Setup) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let child = spawn(&setup, address);
        let mut server = Self { setup, address, child, ended: None };
        server.ready().await;
        server
    }

    pub fn client(&self) -> Client {
        Client::of(self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    pub fn step_log(&self) -> StepLog {
        StepLog::of(self.setup.step_log())
    }

    /// All that its processes have written, on both outputs.
    pub fn log(&self) -> String {
        fs::read_to_string(log_file(&self.setup)).unwrap_or_default()
    }

    pub fn data_folder(&self) -> &Path {
        &self.setup.data_folder
    }

    /// As a loss of power to the process: nothing is said, nothing is tidied.
    pub fn kill9(&mut self) {
        self.child.kill().unwrap();
        self.ended = Some(self.child.wait().unwrap());
    }

    pub fn sigterm(&self) {
        self.process().signal("TERM");
    }

    pub fn is_ended(&mut self) -> bool {
        self.ended = self.ended.or_else(|| self.child.try_wait().unwrap());
        self.ended.is_some()
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let patience = Patience::new("the server ends");
        while !self.is_ended() {
            patience.pause().await;
        }
        self.ended.unwrap()
    }

    /// Starts it again, on the same folder and port.
    pub async fn restart(&mut self) {
        self.spawn_again();
        self.ready().await;
    }

    /// The same without waiting until it is ready, as systemd does.
    pub fn spawn_again(&mut self) {
        assert!(self.is_ended(), "the server still runs");
        self.child = spawn(&self.setup, self.address);
        self.ended = None;
    }

    async fn ready(&mut self) {
        let client = self.client();
        let patience = Patience::new("the server is ready");
        while client.try_get("/readyz").await.is_none_or(|answer| answer.status != 200) {
            assert!(!self.is_ended(), "the server ended before it was ready: {:?}", self.ended);
            patience.pause().await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let shown = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
            eprintln!("── the server's log, its end ──\n{shown}\n──");
        }
    }
}

fn log_file(setup: &Setup) -> PathBuf {
    setup.folder.path().join("server.log")
}

fn spawn(setup: &Setup, address: SocketAddr) -> Child {
    let log = OpenOptions::new().create(true).append(true).open(log_file(setup)).unwrap();
    let mut command = setup.command(setup.role.as_str());
    command.args(setup.flags_on(&address.to_string())).stdout(log.try_clone().unwrap()).stderr(log);
    command.spawn().unwrap()
}
