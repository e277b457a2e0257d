//! The file in which `slow_flow` notes each execution of a step when it starts: what really ran, seen from outside.

use std::fs;
use std::path::PathBuf;

#[derive(Debug, Clone)]
pub struct StepLog(PathBuf);

/// One execution of a step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepStart {
    pub task: String,
    pub number: u32,
    pub process: u32,
}

impl StepLog {
    pub fn of(path: PathBuf) -> Self {
        Self(path)
    }

    /// All executions so far, in the order in which they began.
    pub fn starts(&self) -> Vec<StepStart> {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        text.lines()
            .map(|line| {
                let [task, number, process] = line.split(' ').collect::<Vec<_>>()[..] else {
                    panic!("a line that nobody wrote: {line:?}")
                };
                let (number, process) = (number.parse().unwrap(), process.parse().unwrap());
                StepStart { task: task.to_owned(), number, process }
            })
            .collect()
    }
}
