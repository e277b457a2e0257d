//! A Postgres of the measurement's own, with its defaults: it flushes what it commits.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use super::free_address;
use super::part::{Part, Plan};

const LONGEST_START: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);
/// Where packages put the server's programs when they are not on the path.
const FOLDERS: &[&str] = &["/usr/lib/postgresql", "/opt/homebrew/opt"];

/// Answers its URL and its first process.
pub(super) async fn start(folder: &Path) -> Result<(String, Part)> {
    let programs = programs()?;
    let user = server_user();
    let home = folder.join("postgres");
    fs::create_dir(&home)?;
    if let Some((user, group)) = user {
        // Others must be able to get into the folder above, which is ours alone as it is made.
        fs::set_permissions(folder, Permissions::from_mode(0o755))?;
        chown(&home, Some(user), Some(group))?;
    }
    let data = home.join("data");
    let mut initdb = Command::new(programs.join("initdb"));
    initdb.args(["--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C", "--auth=trust"]);
    initdb.args(["--username", "caudal", "-D"]).arg(&data).current_dir(&home);
    if let Some((user, group)) = user {
        initdb.uid(user).gid(group);
    }
    let made = initdb.output().await.context("initdb cannot be started")?;
    if !made.status.success() {
        bail!("initdb failed: {}", String::from_utf8_lossy(&made.stderr));
    }
    let port = free_address()?.port().to_string();
    let data = data.display().to_string();
    let mut plan = Plan::new("server", programs.join("postgres"), &home).arguments([
        "-D",
        &data,
        "-p",
        &port,
        "-k",
        &data,
        "-c",
        "listen_addresses=127.0.0.1",
    ]);
    plan.user = user;
    let mut part = plan.start()?;
    wait_until_ready(&programs, &port, &mut part).await?;
    Ok((format!("postgres://caudal@127.0.0.1:{port}/postgres"), part))
}

async fn wait_until_ready(programs: &Path, port: &str, part: &mut Part) -> Result<()> {
    let began = Instant::now();
    loop {
        let mut ask = Command::new(programs.join("pg_isready"));
        if ask.args(["-q", "-h", "127.0.0.1", "-t", "1", "-p", port]).status().await?.success() {
            return Ok(());
        }
        part.check()?;
        if began.elapsed() > LONGEST_START {
            bail!("Postgres does not answer:\n{}", part.last_words());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn programs() -> Result<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&on_path).collect();
    for parent in FOLDERS {
        let Ok(entries) = fs::read_dir(parent) else { continue };
        let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
        found.sort();
        folders.extend(found.into_iter().rev());
    }
    let has_all = |folder: &PathBuf| ["initdb", "postgres", "pg_isready"].iter().all(|name| folder.join(name).exists());
    folders.into_iter().find(has_all).context("Postgres is not installed (on Debian: apt-get install postgresql)")
}

/// Postgres refuses to be root: then it is `postgres`, or nobody. None when we are not root.
fn server_user() -> Option<(u32, u32)> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let account = |name: &str| {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    is_root.then(|| account("postgres").or_else(|| account("nobody")).unwrap_or((65_534, 65_534)))
}
