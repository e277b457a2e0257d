//! A real server on a port of its own, ended with the test.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
    pub(crate) banner: String,
}

impl Server {
    /// Returns when it says that it is ready.
    pub(crate) fn start(program: &Path, data: &Path, more: &[&str]) -> Self {
        let mut process = Command::new(program)
            .args(["serve", "--json", "--data-folder"])
            .arg(data)
            .args(if more.contains(&"--listen") { &[][..] } else { &["--listen", "127.0.0.1:0"] })
            .args(more)
            .env("CAUDAL_LOG_FILTER", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut banner = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut banner).unwrap();
        let ready: Value = serde_json::from_str(&banner).unwrap_or_default();
        let url = ready["url"].as_str().expect("it did not start").to_owned();
        Self { process, url, banner }
    }

    pub(crate) fn ask(&self, signal: &str) {
        let asked = Command::new("kill").args([&format!("-{signal}"), &self.process.id().to_string()]).status();
        assert!(asked.unwrap().success());
    }

    /// Its exit code, when it has ended by itself.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_caudal"))
}

pub(crate) fn caudal(args: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(args).stdin(Stdio::null());
    command
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
