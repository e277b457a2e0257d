//! What the figures were measured on: without it they mean nothing to others.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    cores: usize,
    cpu: String,
    memory_gib: f64,
    kernel: String,
    /// Who else wants the cores: the average of the last minute, before anything was measured.
    load: f64,
}

impl Machine {
    pub(crate) fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let memory = value_of(&read("/proc/meminfo"), "MemTotal");
        let kib: f64 = memory.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or_default();
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            cpu: value_of(&read("/proc/cpuinfo"), "model name"),
            memory_gib: (kib / 1024.0 / 102.4).round() / 10.0,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default(),
        }
    }

    pub(crate) fn sentence(&self) -> String {
        let Self { cores, cpu, memory_gib, kernel, load } = self;
        format!("{cores} cores of {cpu}, {memory_gib} GiB, Linux {kernel}, load {load} before")
    }
}

fn value_of(text: &str, name: &str) -> String {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.into_iter().find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: both files of the kernel are understood.
    #[test]
    fn values() {
        assert_eq!(value_of("processor\t: 0\nmodel name\t: A CPU: fast\n", "model name"), "A CPU: fast");
        assert_eq!(value_of("MemTotal:       1024 kB\n", "MemTotal"), "1024 kB");
        assert_eq!(value_of("", "MemTotal"), "");
    }
}
