//! Each stream is a file, here and in the server, and shells start with a limit far below what the kernel allows.

use anyhow::{Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Beside the watchers: the runtime, logs, connections that linger.
const SPARE: u64 = 200;

/// Raises the limit as far as it goes without rights; what is started afterwards inherits it.
pub(crate) fn raise_limit() -> Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

pub(crate) fn check_limit(watchers: usize) -> Result<()> {
    let needed = watchers as u64 + SPARE;
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < needed => {
            bail!("{watchers} watchers need {needed} open files, and the kernel allows {limit}: see `ulimit -Hn`")
        }
        _ => Ok(()),
    }
}
