//! What a process costs, read from `/proc`: nothing runs in it for that.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// Linux counts CPU time in hundredths of a second on every machine that we know.
const TICKS_PER_SECOND: f64 = 100.0;

/// In a kernel's or the program's own code, since it began.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("no process {pid}"))?;
    // The name stands in brackets and may hold anything, spaces too.
    let (_, fields) = stat.rsplit_once(')').context("/proc/<pid>/stat has another form")?;
    let field = |at: usize| fields.split_whitespace().nth(at).and_then(|ticks| ticks.parse::<f64>().ok());
    let (user, system) = field(11).zip(field(12)).context("/proc/<pid>/stat has another form")?;
    Ok(Duration::from_secs_f64((user + system) / TICKS_PER_SECOND))
}

/// Resident memory in MB (of 1,000,000 bytes).
pub(crate) fn resident_mb(pid: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).with_context(|| format!("no process {pid}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).context("no VmRSS")?;
    Ok(kib * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the figures of this process are there and not absurd.
    #[test]
    fn this_process_has_figures() {
        let pid = std::process::id();
        assert!(resident_mb(pid).unwrap() > 0.5);
        assert!(cpu_time(pid).unwrap() < Duration::from_secs(3600));
        assert!(cpu_time(u32::MAX).is_err());
    }
}
