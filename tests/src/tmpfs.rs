//! A disk of a few megabytes, to be filled or made read-only. Only root can mount one; somebody else's test is run once
//! more in a namespace of its own, where it is root.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Where it is set a test without its disk fails: nobody reads there what was skipped.
const REQUIRED_BY: &str = "CAUDAL_TEST_DISKS_REQUIRED";
/// The test runs in the namespace.
const INSIDE: &str = "CAUDAL_TEST_IN_NAMESPACE";

#[derive(Debug)]
pub struct Tmpfs {
    folder: TempDir,
}

impl Tmpfs {
    /// None where the test was run with its disk elsewhere; or, with the reason on its output, where that cannot be.
    pub fn mount(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).output();
        let why = match mounted {
            Ok(output) if output.status.success() => return Some(Self { folder }),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        let is_inside = std::env::var_os(INSIDE).is_some();
        let may = Command::new("unshare").args(["-rm", "true"]).output().is_ok_and(|output| output.status.success());
        if is_inside || !may {
            assert!(std::env::var_os(REQUIRED_BY).is_none(), "{REQUIRED_BY} is set, and no disk can be mounted: {why}");
            eprintln!("SKIPPED: a small disk of its own cannot be mounted here: {why}");
            return None;
        }
        run_this_test_inside();
        None
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn make_read_only(&self) {
        let status = Command::new("mount").args(["-o", "remount,ro"]).arg(self.path()).status().unwrap();
        assert!(status.success());
    }

    /// Takes all the space that is left.
    pub fn fill(&self) {
        let mut file = File::create(self.filling()).unwrap();
        let mut piece = vec![0; 64 * 1024];
        while !piece.is_empty() {
            if file.write_all(&piece).is_err() {
                piece.truncate(piece.len() / 2);
            }
        }
    }

    pub fn make_space(&self) {
        fs::remove_file(self.filling()).unwrap();
    }

    fn filling(&self) -> PathBuf {
        self.path().join("filling")
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: the server that has files open there may be dropped after it.
        let _left_to_the_system = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// The same test of the same binary, by the name of its thread.
fn run_this_test_inside() {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let mut again = Command::new("unshare");
    again.arg("-rm").arg(std::env::current_exe().unwrap()).args([&test, "--exact", "--nocapture"]);
    let output = again.env(INSIDE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    eprintln!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "'{test}' failed in a namespace of its own");
}
