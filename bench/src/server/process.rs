//! What a process and all it started use, as the kernel tells it in `/proc`.

use std::fs;
use std::ops::{Add, Sub};

/// The kernel counts CPU time for `/proc` in hundredths of a second, whatever its own tick is.
const TICKS_PER_SECOND: f64 = 100.0;
const KIB: f64 = 1024.0;

#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    pub(crate) resident_bytes: f64,
}

impl Usage {
    /// Of a process and all below it; of one that is gone it is nothing.
    pub(crate) fn of_tree(pid: u32) -> Self {
        children(pid).into_iter().map(Self::of_tree).fold(Self::of_one(pid), Add::add)
    }

    pub(crate) fn of_this_process() -> Self {
        Self::of_one(std::process::id())
    }

    pub(crate) fn mib(self) -> f64 {
        self.resident_bytes / KIB / KIB
    }

    fn of_one(pid: u32) -> Self {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        Self { cpu_seconds: cpu_seconds(&read("stat")), resident_bytes: resident_bytes(&read("status")) }
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds + other.cpu_seconds,
            resident_bytes: self.resident_bytes + other.resident_bytes,
        }
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds - earlier.cpu_seconds,
            resident_bytes: self.resident_bytes - earlier.resident_bytes,
        }
    }
}

fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>())
        .collect()
}

/// User and system time of the process and of its children that have ended, from `/proc/<pid>/stat`.
fn cpu_seconds(stat: &str) -> f64 {
    // The name, in parentheses, may hold spaces and parentheses; the state follows it, and utime is the 12th after.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: f64 = after_name.split_whitespace().skip(11).take(4).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / TICKS_PER_SECOND
}

fn resident_bytes(status: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or_default() * KIB
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the right fields are read, whatever the process calls itself.
    #[test]
    fn reads_the_right_fields() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 7 3 20 0 4 0 12345 1000 200";
        assert!((cpu_seconds(stat) - 2.1).abs() < 1e-9);
        assert!((resident_bytes("Name:\ta\nVmRSS:\t    2048 kB\n") - 2_097_152.0).abs() < 1e-9);
        assert_eq!((cpu_seconds(""), resident_bytes("")), (0.0, 0.0));
    }

    /// Goal: this process has some memory, and a process that is not there has none.
    #[test]
    fn of_real_processes() {
        assert!(Usage::of_this_process().mib() > 0.1);
        assert_eq!(Usage::of_tree(u32::MAX), Usage::default());
    }
}
