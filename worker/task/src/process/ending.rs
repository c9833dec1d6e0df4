//! How calls end that have no answer: what became of the child.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// The kernel's way to end a process, at once.
const KILL: i32 = 9;

/// Why a call in a process of its own has neither a result nor an error of its function.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The executable cannot be such a process.
    #[error(
        "it is to run in a process of its own, and this program cannot be one: mark its main with #[bobbin::main], which runs the \
         function instead of the program in such a process"
    )]
    Unavailable,
    /// The operating system gives no process.
    #[error("start a process for it")]
    Start(#[source] std::io::Error),
    /// It is dead.
    #[error("its process {}", ended(*.status, .last, *.limit))]
    Died {
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its standard error.
        last: Vec<String>,
        /// Bytes that it was allowed.
        limit: u64,
    },
    /// It was ended because of its memory.
    #[error(
        "its process had {} MiB of memory for itself, more than its limit of {} MiB, and was ended: allow it more \
         (TaskOptions::memory), or give workers more (--worker-memory), of which each thread has its share",
        .used >> 20, .limit >> 20
    )]
    Memory {
        /// Bytes that it had.
        used: u64,
        /// Bytes that it was allowed.
        limit: u64,
    },
    /// It does not speak as it should.
    #[error("its process said what its worker does not understand, and was ended: {0}")]
    Garbled(String),
}

impl ProcessError {
    /// May another attempt succeed? Nobody knows why the kernel ended it, or had no process.
    pub fn may_pass(&self) -> bool {
        match self {
            ProcessError::Start(_) => true,
            ProcessError::Died { status, .. } => status.signal() == Some(KILL),
            ProcessError::Unavailable | ProcessError::Memory { .. } | ProcessError::Garbled(_) => false,
        }
    }
}

fn ended(status: ExitStatus, last: &[String], limit: u64) -> String {
    let how = match (status.signal(), status.code()) {
        (Some(KILL), _) => format!(
            "was ended by signal 9 (SIGKILL), not by its worker: the kernel does so where memory is short (its own limit is {} MiB)",
            limit >> 20
        ),
        (Some(signal), _) => format!("was ended by signal {signal}{}", name(signal)),
        (None, code) => format!("ended with exit code {} and no result", code.unwrap_or_default()),
    };
    match last {
        [] => format!("{how}; it wrote nothing on standard error"),
        lines => format!("{how}; it wrote on standard error: {}", lines.join("\n  ")),
    }
}

fn name(signal: i32) -> &'static str {
    match signal {
        2 => " (SIGINT)",
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        8 => " (SIGFPE)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        31 => " (SIGSYS)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn died(status: i32, last: &[&str]) -> ProcessError {
        let last = last.iter().map(|&line| line.to_owned()).collect();
        ProcessError::Died { status: ExitStatus::from_raw(status), last, limit: 5 << 20 }
    }

    #[test]
    fn deaths_are_told_apart() {
        let aborted = died(6, &["one", "two"]);
        let text = "its process was ended by signal 6 (SIGABRT); it wrote on standard error: one\n  two";
        assert_eq!((aborted.to_string().as_str(), aborted.may_pass()), (text, false));
        let text = "its process ended with exit code 3 and no result; it wrote nothing on standard error";
        assert_eq!(died(3 << 8, &[]).to_string(), text);
        assert!(died(KILL, &[]).may_pass());
        assert!(died(KILL, &[]).to_string().contains("limit is 5 MiB"));
    }
}
