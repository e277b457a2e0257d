//! What the system says of a process: memory, time used, whether it lives.

use std::fs;
use std::process::Command;
use std::time::Duration;

/// As on all Linux systems that this runs on (`getconf CLK_TCK`).
const TICKS_PER_SECOND: u64 = 100;

/// A process by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(pub u32);

impl Process {
    /// By the shell, which has it built in: the program of this name is not on every machine.
    pub fn signal(self, name: &str) {
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.0)]).status().unwrap();
        assert!(status.success(), "the process {} cannot be sent {name}", self.0);
    }

    /// Memory that is really there.
    pub fn resident_bytes(self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Time on a core, of all its threads, since it began.
    pub fn cpu_time(self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap();
        // The name stands in parentheses and may hold anything; user and system time are 12th and 13th after it.
        let after_name = stat.rsplit_once(')').unwrap().1;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
    }
}
