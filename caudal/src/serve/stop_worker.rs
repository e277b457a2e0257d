//! "Stop the worker" on the page, for demonstrations: ends a worker's process as a crash would, with nothing handed back
//! and nothing said goodbye to.
//!
//! A worker in the page's own process takes that process along, as a real crash would; then the program puts itself in
//! its place, as a supervisor would, under the same process id. One in another process of this machine is killed and
//! stays away: the others take its tasks over.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use caudal_engine::task::WorkerId;
use caudal_web::StopWorker;

/// The program that runs, also when its file was replaced meanwhile.
const ITSELF: &str = "/proc/self/exe";
/// The answer to whoever asked goes first.
const BEFORE_IT_ENDS: Duration = Duration::from_millis(100);

pub(super) fn stop_worker() -> StopWorker {
    Arc::new(|worker| match process_of(worker) {
        Some(process) if process == std::process::id() => {
            std::thread::spawn(begin_anew);
            Ok(())
        }
        Some(process) if is_of_this_program(process) => kill(process),
        _ => Err(format!("{worker} runs on another machine; end its process there, by `kill -9`.")),
    })
}

/// The process of a worker on this machine: its id is `host:process:random`.
fn process_of(worker: &WorkerId) -> Option<u32> {
    let mut parts = worker.as_str().rsplitn(3, ':').skip(1);
    let process = parts.next()?.parse().ok()?;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    (parts.next()? == host.trim()).then_some(process)
}

/// A process id is soon given to another program.
fn is_of_this_program(process: u32) -> bool {
    let program = |process: &str| std::fs::read_link(format!("/proc/{process}/exe")).ok();
    program("self").is_some_and(|ours| program(&process.to_string()) == Some(ours))
}

fn kill(process: u32) -> Result<(), String> {
    let killed = Command::new("sh").args(["-c", &format!("kill -9 {process}")]).status();
    match killed {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("The process {process} cannot be ended: {status}.")),
        Err(error) => Err(format!("The process {process} cannot be ended: {error}.")),
    }
}

/// Nothing of this process is left: no thread, no lock, no open file, as after `kill -9` and a new start.
fn begin_anew() {
    std::thread::sleep(BEFORE_IT_ENDS);
    let arguments = std::env::args_os().skip(1);
    let name = std::env::args_os().next().unwrap_or_else(|| ITSELF.into());
    let error = Command::new(ITSELF).arg0(name).args(arguments).exec();
    tracing::error!(%error, "the program cannot begin anew; it ends");
    std::process::abort();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: only a process that this machine has and that is this very program may be ended.
    #[test]
    fn whose_process() {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        let of = |id: String| process_of(&WorkerId::new(id));
        assert_eq!(of(format!("{}:42:0badcafe", host.trim())), Some(42));
        assert_eq!(of("elsewhere:42:0badcafe".to_owned()), None);
        assert_eq!(of("nonsense".to_owned()), None);
        assert!(is_of_this_program(std::process::id()));
        assert!(!is_of_this_program(1));
    }
}
