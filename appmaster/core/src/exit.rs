//! Why a container ended, told apart by YARN's exit status.

use std::fmt;

use crate::event::Capability;

/// Most characters of YARN's words that we pass on.
const WORDS_LIMIT: usize = 600;

/// The cause, as far as YARN tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitKind {
    /// It ended by itself with status 0.
    Exited,
    /// Its process ended with this status.
    Failed(i32),
    /// Its process was killed by this signal.
    Signal(i32),
    /// It never started: its files could not be localized, or its process could not be made (-1000).
    NotStarted,
    /// Its node was lost, or the container was given back (-100).
    Aborted,
    /// The node's local disks failed (-101).
    DisksFailed,
    /// The queue took it back for somebody else (-102).
    Preempted,
    /// It used more virtual memory than allowed (-103).
    VirtualMemory,
    /// It used more memory than allowed (-104).
    Memory,
    /// We killed it (-105).
    KilledByApplicationMaster,
    /// The ResourceManager killed it (-106).
    KilledByResourceManager,
    /// The application was over (-107).
    AfterApplication,
    /// The node's container scheduler killed it (-108).
    KilledByScheduler,
    /// Its logs grew too big (-109).
    ExcessLogs,
    /// A status that we have never heard of.
    Unknown(i32),
}

/// A container's end in words, and who is to blame for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitCause {
    /// The cause.
    pub kind: ExitKind,
    /// What people should read: what happened, and the way out if we know one.
    pub text: String,
}

impl ExitKind {
    /// The cause behind YARN's exit status.
    pub fn of_status(status: i32) -> ExitKind {
        match status {
            0 => ExitKind::Exited,
            -1000 => ExitKind::NotStarted,
            -100 => ExitKind::Aborted,
            -101 => ExitKind::DisksFailed,
            -102 => ExitKind::Preempted,
            -103 => ExitKind::VirtualMemory,
            -104 => ExitKind::Memory,
            -105 => ExitKind::KilledByApplicationMaster,
            -106 => ExitKind::KilledByResourceManager,
            -107 => ExitKind::AfterApplication,
            -108 => ExitKind::KilledByScheduler,
            -109 => ExitKind::ExcessLogs,
            129..=192 => ExitKind::Signal(status - 128),
            1.. => ExitKind::Failed(status),
            _ => ExitKind::Unknown(status),
        }
    }

    /// May what ran in the container, or the container's host, be to blame? Else it is replaced and not counted.
    pub fn is_counted(self) -> bool {
        match self {
            ExitKind::Exited
            | ExitKind::Failed(_)
            | ExitKind::Signal(_)
            | ExitKind::NotStarted
            | ExitKind::VirtualMemory
            | ExitKind::Memory
            | ExitKind::ExcessLogs
            | ExitKind::Unknown(_) => true,
            ExitKind::Aborted
            | ExitKind::DisksFailed
            | ExitKind::Preempted
            | ExitKind::KilledByApplicationMaster
            | ExitKind::KilledByResourceManager
            | ExitKind::AfterApplication
            | ExitKind::KilledByScheduler => false,
        }
    }

    /// May the host be to blame, so that after some of these we ask for no more containers there?
    pub fn blames_host(self) -> bool {
        match self {
            ExitKind::Failed(_) | ExitKind::Signal(_) | ExitKind::NotStarted | ExitKind::DisksFailed => true,
            ExitKind::Exited
            | ExitKind::Aborted
            | ExitKind::Preempted
            | ExitKind::VirtualMemory
            | ExitKind::Memory
            | ExitKind::KilledByApplicationMaster
            | ExitKind::KilledByResourceManager
            | ExitKind::AfterApplication
            | ExitKind::KilledByScheduler
            | ExitKind::ExcessLogs
            | ExitKind::Unknown(_) => false,
        }
    }

    fn words(self, size: Capability) -> String {
        let limit = size.memory_mb;
        match self {
            ExitKind::Exited => "its worker ended by itself".into(),
            ExitKind::Failed(status) => format!("its process ended with exit status {status}"),
            ExitKind::Signal(9) => "it was killed by signal 9: somebody killed it, its host was out of memory, or its \
                control group was (then ask for more with --worker-memory)"
                .into(),
            ExitKind::Signal(15) => "it was ended by signal 15: its NodeManager or somebody else stopped it".into(),
            ExitKind::Signal(signal) => format!("it was killed by signal {signal}"),
            ExitKind::NotStarted => "it could not be started".into(),
            ExitKind::Aborted => "its node was lost, or it was given back".into(),
            ExitKind::DisksFailed => "the local disks of its node failed (yarn.nodemanager.local-dirs)".into(),
            ExitKind::Preempted => "it was preempted: its queue had to give capacity back".into(),
            ExitKind::VirtualMemory => format!(
                "it used more virtual memory than its {limit} MiB allow (yarn.nodemanager.vmem-pmem-ratio): ask for \
                 more with --worker-memory"
            ),
            ExitKind::Memory => format!("it used more memory than its {limit} MiB: ask for more with --worker-memory"),
            ExitKind::KilledByApplicationMaster => "the application master stopped it".into(),
            ExitKind::KilledByResourceManager => "the ResourceManager killed it".into(),
            ExitKind::AfterApplication => "the application was over".into(),
            ExitKind::KilledByScheduler => "its NodeManager killed it to make room".into(),
            ExitKind::ExcessLogs => "its logs grew beyond the cluster's limit".into(),
            ExitKind::Unknown(status) => format!("it ended with status {status}"),
        }
    }
}

impl ExitCause {
    /// The cause behind YARN's status and words, for a container of this size.
    pub fn new(status: i32, diagnostics: &str, size: Capability) -> ExitCause {
        let kind = ExitKind::of_status(status);
        let words = shorten(diagnostics);
        let text = kind.words(size);
        ExitCause { kind, text: if words.is_empty() { text } else { format!("{text} ({words})") } }
    }
}

impl fmt::Display for ExitCause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// YARN's words on one line, without the dump of the process tree that follows a memory kill.
fn shorten(diagnostics: &str) -> String {
    let told = diagnostics.split("Dump of the process-tree").next().unwrap_or_default();
    let line = told.split_whitespace().collect::<Vec<_>>().join(" ");
    if line == "N/A" {
        return String::new();
    }
    match line.char_indices().nth(WORDS_LIMIT) {
        Some((end, _)) => format!("{} ...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Capability = Capability { memory_mb: 2048, cores: 2 };

    #[test]
    fn statuses_are_told_apart() {
        let check = |status, counted, host, part: &str| {
            let cause = ExitCause::new(status, "N/A", SIZE);
            assert_eq!((cause.kind.is_counted(), cause.kind.blames_host()), (counted, host), "{status}");
            assert!(cause.text.contains(part), "{status}: {cause}");
        };
        check(0, true, false, "ended by itself");
        check(1, true, true, "exit status 1");
        check(137, true, true, "signal 9");
        check(143, true, true, "signal 15");
        check(-1000, true, true, "could not be started");
        check(-100, false, false, "node was lost");
        check(-101, false, true, "yarn.nodemanager.local-dirs");
        check(-102, false, false, "preempted");
        check(-103, true, false, "2048 MiB");
        check(-104, true, false, "--worker-memory");
        check(-105, false, false, "application master");
        check(-106, false, false, "ResourceManager");
        check(-7, true, false, "status -7");
        check(i32::MIN, true, false, "status -2147483648");
    }

    #[test]
    fn diagnostics_are_one_short_line() {
        let words = "[pmem] 2.1 GB of 2 GB used.\nKilling container.\nDump of the process-tree for c1 :\n\t|- PID";
        let cause = ExitCause::new(-104, words, SIZE);
        assert!(cause.text.ends_with("([pmem] 2.1 GB of 2 GB used. Killing container.)"), "{cause}");
        let long = ExitCause::new(1, &"ä".repeat(5000), SIZE);
        assert!(long.text.chars().count() < WORDS_LIMIT + 100);
    }
}
