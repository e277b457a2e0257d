//! Python, as a reader that we did not write.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// What the program says about its input. None where there is no Python: then the test says that it was skipped, unless
/// it must not be.
pub fn python(program: &str, input: &[u8]) -> Option<String> {
    let command = &mut Command::new("python3");
    let mut python = match command.args(["-c", program]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() {
        Ok(python) => python,
        Err(error) => {
            assert!(std::env::var_os("CAUDAL_TEST_MAIL_REQUIRED").is_none(), "python3 is needed: {error}");
            eprintln!("SKIPPED: there is no python3: {error}");
            return None;
        }
    };
    python.stdin.take().unwrap().write_all(input).unwrap();
    let said = python.wait_with_output().unwrap();
    assert!(said.status.success(), "{said:?}");
    Some(String::from_utf8(said.stdout).unwrap())
}
