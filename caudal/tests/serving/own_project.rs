//! A developer's own crate, outside the workspace: it is built, started, and runs its own flow.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::Server;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn example() -> PathBuf {
    root().join("examples/own-project")
}

fn locked(lockfile: &Path) -> BTreeSet<String> {
    let lock: toml::Table = std::fs::read_to_string(lockfile).unwrap().parse().unwrap();
    let packages = lock["package"].as_array().unwrap().iter();
    packages
        .map(|package| (package["name"].as_str().unwrap(), package["version"].as_str().unwrap()))
        .filter(|(name, _)| *name != "own-project")
        .map(|(name, version)| format!("{name} {version}"))
        .collect()
}

/// Goal: the project is built from the very versions that the platform is tested with.
#[test]
fn lockfile_is_ours() {
    let ours = locked(&root().join("Cargo.lock"));
    let other: Vec<String> = locked(&example().join("Cargo.lock")).difference(&ours).cloned().collect();
    assert!(other.is_empty(), "copy Cargo.lock to examples/own-project and run cargo metadata there: {other:?}");
}

/// With the profile of the workspace, so that nothing is compiled twice.
fn cargo(command: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_caudal")).ancestors().nth(2).unwrap().to_owned();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([command, "--locked", "--offline"]).current_dir(example()).env("CARGO_TARGET_DIR", &target);
    for setting in [
        "profile.dev.debug='line-tables-only'",
        "profile.dev.split-debuginfo='unpacked'",
        "profile.dev.package.'*'.debug=false",
        "profile.dev.build-override.opt-level=0",
        "profile.dev.build-override.debug=false",
    ] {
        cargo.args(["--config", setting]);
    }
    let done = cargo.output().unwrap();
    let told = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let hint = "if it is Cargo.lock: copy ours to examples/own-project and run `cargo metadata` there";
    assert!(done.status.success(), "{}\n{hint}", told.join("\n"));
    target.join("debug/own-project")
}

/// Goal: the tests that a new project begins with pass.
#[test]
fn own_project_passes_its_tests() {
    cargo("test");
}

/// Goal: `fn main() { caudal::run() }` and a file per flow are a whole server and its command line; of the flows that
/// ship with the platform it has none.
#[test]
fn own_project_runs_its_flows() {
    let program = cargo("build");
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&program, &data.path().join("data"), &[]);
    assert!(server.banner.contains(r#""flows":["hello_flow","newsletter_flow"]"#), "{}", server.banner);

    let greeted = Command::new(&program)
        .args(["start", "hello_flow", "-i", "name=Ada", "--wait", "--url", &server.url])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&greeted.stdout),
        "Hello, Ada!\n",
        "{}",
        String::from_utf8_lossy(&greeted.stderr)
    );

    let file = data.path().join("copy.db");
    let backed_up = Command::new(&program)
        .arg("backup")
        .arg(&file)
        .arg("--data-folder")
        .arg(data.path().join("data"))
        .output()
        .unwrap();
    assert!(backed_up.status.success(), "{}", String::from_utf8_lossy(&backed_up.stderr));
    assert!(file.is_file());

    server.ask("TERM");
    assert_eq!(server.end(), Some(0));
}
