//! The systems of a measurement as they are started: with which binary, which durability, in which folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use tokio::process::Command;

use crate::figures::Figure;
use crate::scenarios::Scenario;
use crate::server::{Fsync, Launch, System, Watch};

#[derive(Debug, Clone, Args)]
pub(crate) struct Start {
    /// The binary to start [default: `caudal` beside this one]
    #[arg(long, global = true)]
    binary: Option<PathBuf>,
    /// With which durability it is started, when it is one process
    #[arg(long, global = true, default_value = "full")]
    durability: String,
    /// Where its data folders are made [default: where temporary files go]
    #[arg(long, global = true)]
    folder: Option<PathBuf>,
}

impl Start {
    /// One round of a scenario, on a system of its own.
    pub(crate) async fn measure(&self, system: System, fsync: Fsync, scenario: &Scenario) -> Result<Vec<Figure>> {
        let beside = scenario.beside().await?;
        let launch = Launch {
            system,
            programs: self.programs(system)?,
            durability: self.durability.clone(),
            fsync,
            folder: self.folder.as_ref().map(std::path::absolute).transpose().context("--folder cannot be found")?,
            needs: scenario.needs(&beside),
        };
        let mut server = launch.start().await?;
        let watch = Watch::begin();
        let measured = scenario.measure(&mut server, &beside).await;
        watch.check()?;
        match measured {
            Ok(figures) => {
                server.stop().await?;
                Ok(figures)
            }
            Err(error) => Err(anyhow!("{error:#}\nthe last words of its processes:\n{}", server.last_words())),
        }
    }

    /// How it is told from others in tables.
    pub(crate) fn title(&self, system: System, fsync: Fsync) -> String {
        match system {
            System::Embedded => format!("{}, {}", system.title(), self.durability),
            _ => format!("{}, {}", system.title(), fsync.word()),
        }
    }

    /// What was measured: the version that it says, or those that its lockfile names.
    pub(crate) async fn version(&self, system: System) -> Result<String> {
        let Some(peer) = system.peer() else {
            let said = Command::new(self.binary()?).arg("--version").output().await?;
            return Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned());
        };
        let file = |name: &str| std::fs::read_to_string(sources(peer).join(name)).unwrap_or_default();
        let (text, names): (String, &[&str]) = match system {
            System::Bullmq => (file("package.json"), &["\"bullmq\"", "\"fastify\"", "\"ioredis\""]),
            System::DjangoCelery => (file("requirements.txt"), &["Django", "celery", "uvicorn", "redis"]),
            _ => (file("Cargo.toml"), &["apalis-redis"]),
        };
        let of_name = |name: &&str| {
            let rest = text.split_once(&format!("{name}: ")).or_else(|| text.split_once(&format!("{name}==")));
            let (_, rest) = rest.or_else(|| text.split_once(&format!("{name} = \"=")))?;
            let version: String =
                rest.trim_start_matches('"').chars().take_while(|one| one.is_ascii_digit() || *one == '.').collect();
            Some(format!("{} {version}", name.trim_matches('"')))
        };
        Ok(names.iter().filter_map(of_name).collect::<Vec<_>>().join(", "))
    }

    fn programs(&self, system: System) -> Result<PathBuf> {
        match system.peer() {
            Some(peer) => installed(peer),
            None => self.binary(),
        }
    }

    fn binary(&self) -> Result<PathBuf> {
        let binary = match &self.binary {
            Some(binary) => binary.clone(),
            None => std::env::current_exe()?.with_file_name("caudal"),
        };
        // It is started in another folder.
        let binary = std::path::absolute(binary)?;
        if !binary.is_file() {
            bail!("{} is not there: build it with `cargo build --release -p caudal`, or name it", binary.display());
        }
        Ok(binary)
    }
}

/// Installs a peer if that was not done yet.
pub(crate) async fn install(system: System) -> Result<()> {
    let Some(peer) = system.peer() else { return Ok(()) };
    let folder = installed(peer)?;
    let done = folder.join("installed");
    if done.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(&folder)?;
    let script = sources(peer).join("install");
    let status = Command::new(&script).arg(&folder).status().await;
    let status = status.with_context(|| format!("{} cannot be started", script.display()))?;
    if !status.success() {
        bail!("{} failed ({status})", script.display());
    }
    std::fs::write(done, "").context("the peer's folder cannot be written")
}

fn sources(peer: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(peer)
}

/// Beside what cargo builds: this program stands in `target/<profile>/`.
fn installed(peer: &str) -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).context("this program stands in no target folder")?;
    Ok(target.join("peers").join(peer))
}
