//! How a process is to be started: its role, flags, environment, folders.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::patience::Patience;
use crate::server::Server;

/// What the process does, as on its command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Serve,
    Web,
    Worker,
    Notifications,
}

impl Role {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Web => "web",
            Self::Worker => "worker",
            Self::Notifications => "notifications",
        }
    }

    /// The flag of the address at which it can be asked whether it is ready.
    fn listen_flag(self) -> &'static str {
        match self {
            Self::Serve | Self::Web => "listen",
            Self::Worker | Self::Notifications => "health-listen",
        }
    }
}

#[derive(Debug)]
pub struct Setup {
    pub(crate) role: Role,
    pub(crate) program: PathBuf,
    /// Its own folder: the data (unless it is elsewhere), STEP_LOG, the server's log.
    pub(crate) folder: TempDir,
    pub(crate) data_folder: PathBuf,
    flags: Vec<(String, String)>,
    environment: Vec<(String, String)>,
}

/// A start that ended before it was ready.
#[derive(Debug)]
pub struct Refusal {
    pub code: Option<i32>,
    pub said: String,
}

impl Setup {
    pub fn of(program: impl Into<PathBuf>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data_folder = folder.path().join("data");
        let program = program.into();
        let setup =
            Self { role: Role::Serve, program, folder, data_folder, flags: Vec::new(), environment: Vec::new() };
        let step_log = setup.step_log().to_str().unwrap().to_owned();
        setup
            .environment("CAUDAL_DIAGNOSTICS", "1")
            .environment("CAUDAL_LOG_FILTER", "info,caudal_web::observe=warn,caudal_stores::live_and_kept=debug")
            .environment("STEP_LOG", step_log)
    }

    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// In place of an earlier one of this name.
    #[must_use]
    pub fn flag(mut self, name: &str, value: impl ToString) -> Self {
        self.flags.retain(|(known, _)| known != name);
        self.flags.push((name.to_owned(), value.to_string()));
        self
    }

    #[must_use]
    pub fn environment(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub fn data_folder(mut self, path: &Path) -> Self {
        self.data_folder = path.to_owned();
        self
    }

    pub fn step_log(&self) -> PathBuf {
        self.folder.path().join("steps.log")
    }

    /// Starts the server and waits until it is ready.
    pub async fn start(self) -> Server {
        Server::start(self).await
    }

    /// A start that must not come to anything.
    pub async fn refused(&self) -> Refusal {
        let mut command = self.command(self.role.as_str());
        command.args(self.flags_on("127.0.0.1:0"));
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let patience = Patience::new("the start is refused");
        while process.try_wait().unwrap().is_none() {
            if patience.is_over() {
                process.kill().unwrap();
                break;
            }
            patience.pause().await;
        }
        let output = process.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        Refusal { code: output.status.code(), said }
    }

    pub(crate) fn flags_on(&self, address: &str) -> Vec<String> {
        let data_folder = self.data_folder.to_str().unwrap();
        let listen_flag = self.role.listen_flag();
        let own = [format!("--{listen_flag}={address}"), format!("--data-folder={data_folder}")];
        own.into_iter().chain(self.flags.iter().map(|(name, value)| format!("--{name}={value}"))).collect()
    }

    /// A key as `caudal new-key` makes it, and its line.
    pub fn new_key(&self, name: &str, role: &str) -> (String, String) {
        let output = self.command("new-key").args([name, "--role", role, "--json"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        [&made["key"], &made["line"]].map(|text| text.as_str().unwrap().to_owned()).into()
    }

    /// The program with this first argument, with nothing of the environment that would change what it does.
    pub fn command(&self, first: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(first).current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CAUDAL_") || name.ends_with("_API_KEY"))
        {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}
