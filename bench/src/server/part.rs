//! One process of what is measured: started with a log of its own, killed or ended, and started again as it was.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::{Child, Command};

use super::process::Usage;

const LONGEST_STOP: Duration = Duration::from_secs(60);
const LAST_WORDS_BYTES: usize = 4_000;

/// How a process is started.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// What it is called in messages, and its log.
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    /// It starts here, and its log is here.
    pub(super) folder: PathBuf,
    /// Another user and group, for programs that refuse to be root.
    pub(super) user: Option<(u32, u32)>,
}

impl Plan {
    pub(super) fn new(name: impl Into<String>, program: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            folder: folder.into(),
            user: None,
        }
    }

    pub(super) fn arguments<T: Into<String>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    pub(super) fn environment(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn start(self) -> Result<Part> {
        let child = self.spawn()?;
        Ok(Part { plan: self, child })
    }

    fn spawn(&self) -> Result<Child> {
        let log = OpenOptions::new().create(true).append(true).open(self.log()).context("no log can be made")?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .current_dir(&self.folder)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command.spawn().with_context(|| format!("{} cannot be started", self.program.display()))
    }

    fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }
}

#[derive(Debug)]
pub(super) struct Part {
    plan: Plan,
    child: Child,
}

impl Part {
    /// 0 when it has ended.
    pub(super) fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    pub(super) fn usage(&self) -> Usage {
        Usage::of_tree(self.pid())
    }

    /// As a loss of power would, to this process alone.
    pub(super) async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.with_context(|| format!("{} cannot be killed", self.plan.name))
    }

    pub(super) fn start_again(&mut self) -> Result<()> {
        self.child = self.plan.spawn()?;
        Ok(())
    }

    /// Fails when it has ended by itself.
    pub(super) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} has ended ({status}):\n{}", self.plan.name, self.last_words()),
            None => Ok(()),
        }
    }

    /// Asks it to end, as a supervisor would; what does not end is killed when it is dropped.
    /// Answers whether it said that all was well.
    pub(super) async fn stop(mut self) -> Result<bool> {
        // It may have been killed already.
        let Some(pid) = self.child.id() else { return Ok(true) };
        let asked = Command::new("kill").arg("-TERM").arg(pid.to_string()).status().await;
        if !asked.is_ok_and(|status| status.success()) {
            self.kill().await?;
            return Ok(false);
        }
        match tokio::time::timeout(LONGEST_STOP, self.child.wait()).await {
            Ok(Ok(status)) => Ok(status.success()),
            Ok(Err(error)) => Err(error).context("nobody knows how it ended"),
            Err(_) => {
                bail!("{} did not end within {} s:\n{}", self.plan.name, LONGEST_STOP.as_secs(), self.last_words())
            }
        }
    }

    pub(super) fn last_words(&self) -> String {
        let all = std::fs::read(self.plan.log()).unwrap_or_default();
        let from = all.len().saturating_sub(LAST_WORDS_BYTES);
        format!("{}: {}", self.plan.name, String::from_utf8_lossy(&all[from..]))
    }
}
