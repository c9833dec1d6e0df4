//! One certain process: its id together with the moment it started, so that a later process with the same id is never meant.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::wait;

/// A process for certain, alive or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    pid: u32,
    started: u64,
}

impl Identity {
    /// The process that has the id `pid` now.
    pub fn of(pid: u32) -> io::Result<Self> {
        let started = start_time(pid)?;
        Ok(Self { pid, started })
    }

    /// Its id.
    pub fn pid(self) -> u32 {
        self.pid
    }

    /// When it started, in clock ticks since the machine did.
    pub fn started(self) -> u64 {
        self.started
    }

    /// The process recorded as `pid` and `started`.
    pub fn recorded(pid: u32, started: u64) -> Self {
        Self { pid, started }
    }

    /// Whether it still runs (a zombie does not).
    pub fn alive(self) -> bool {
        self.open().is_some() && !matches!(state(self.pid), Ok('Z' | 'X') | Err(_))
    }

    /// Sends a signal; whether the process was there to get it.
    pub fn signal(self, signal: Signal) -> bool {
        self.open().is_some_and(|process| pidfd_send_signal(&process, signal).is_ok())
    }

    /// Ends it at once (`kill -9`); whether it was there.
    pub fn kill(self) -> bool {
        self.signal(Signal::KILL)
    }

    /// Waits until it has ended; whether it did within `limit`.
    pub fn wait_end(self, limit: Duration) -> bool {
        match self.open() {
            Some(process) => wait::ready(&mut [PollFd::new(&process, PollFlags::IN)], limit),
            None => true,
        }
    }

    /// A descriptor of this very process: opened first, checked afterwards, so that no other process slips in between.
    pub(crate) fn open(self) -> Option<OwnedFd> {
        let pid = Pid::from_raw(i32::try_from(self.pid).ok()?)?;
        let descriptor = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        (start_time(self.pid).ok()? == self.started).then_some(descriptor)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.pid)
    }
}

/// A process that we look after: by its identity, and as our child where we are its parent.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) identity: Identity,
    child: Option<Child>,
}

impl Started {
    /// Our own child.
    pub(crate) fn child(child: Child) -> io::Result<Self> {
        Ok(Self { identity: Identity::of(child.id())?, child: Some(child) })
    }

    /// A process that another one of ours started.
    pub(crate) fn recorded(identity: Identity) -> Self {
        Self { identity, child: None }
    }

    /// Sends `signal`, gives it `grace` to obey, then kills it; returns when it is gone.
    pub(crate) fn end(&mut self, signal: Signal, grace: Duration) {
        self.identity.signal(signal);
        if !self.identity.wait_end(grace) {
            self.identity.kill();
        }
        self.reap(Duration::from_secs(10));
    }

    /// Waits for the end of a process that has been killed, and forgets its exit status.
    pub(crate) fn reap(&mut self, limit: Duration) {
        let ended = self.identity.wait_end(limit);
        if let Some(child) = self.child.as_mut().filter(|_| ended) {
            // An error means that somebody else took the exit status: gone all the same.
            let _ = child.wait();
        }
    }
}

/// What `/proc` says about one process.
#[derive(Clone, Debug)]
pub struct Process {
    /// Which one.
    pub identity: Identity,
    /// The file it executes.
    pub executable: PathBuf,
    /// Its arguments, the program's name first.
    pub arguments: Vec<String>,
}

/// Every process of this machine in the process namespace that `/proc/<pid>/ns/pid` names `namespace`.
pub(crate) fn in_namespace(namespace: &str) -> Vec<Process> {
    all()
        .filter(|&pid| process_namespace(pid).is_ok_and(|name| name == namespace))
        .filter_map(|pid| read(pid).ok())
        .collect()
}

/// The ids of all processes of this machine.
pub(crate) fn all() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The name of the process namespace that `pid` lives in.
pub(crate) fn process_namespace(pid: u32) -> io::Result<String> {
    Ok(fs::read_link(format!("/proc/{pid}/ns/pid"))?.to_string_lossy().into_owned())
}

fn read(pid: u32) -> io::Result<Process> {
    let identity = Identity::of(pid)?;
    let executable = fs::read_link(format!("/proc/{pid}/exe"))?;
    let line = fs::read(format!("/proc/{pid}/cmdline"))?;
    let arguments = line.split(|&byte| byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    Ok(Process { identity, executable, arguments: arguments.filter(|word| !word.is_empty()).collect() })
}

fn state(pid: u32) -> io::Result<char> {
    let fields = stat_fields(pid)?;
    fields.chars().next().ok_or_else(|| malformed(pid))
}

fn start_time(pid: u32) -> io::Result<u64> {
    // Field 22 of proc_pid_stat(5); the fields here begin with the third.
    let fields = stat_fields(pid)?;
    fields.split(' ').nth(19).and_then(|field| field.parse().ok()).ok_or_else(|| malformed(pid))
}

/// `/proc/<pid>/stat` from the state on: the name before it is in parentheses and may hold any byte.
fn stat_fields(pid: u32) -> io::Result<String> {
    let line = fs::read(format!("/proc/{pid}/stat"))?;
    let line = String::from_utf8_lossy(&line);
    let (_, fields) = line.rsplit_once(") ").ok_or_else(|| malformed(pid))?;
    Ok(fields.to_owned())
}

fn malformed(pid: u32) -> io::Error {
    io::Error::other(format!("/proc/{pid}/stat has an unknown shape"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_known_by_its_start_too() {
        let me = Identity::of(std::process::id()).unwrap();
        assert!(me.alive());
        let earlier = Identity::recorded(me.pid(), me.started() - 1);
        assert!(!earlier.alive());
        assert!(!earlier.kill(), "a signal must not reach the later process with the same id");
    }

    #[test]
    fn a_killed_child_is_gone() {
        let child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let mut started = Started::child(child).unwrap();
        assert!(started.identity.alive());
        assert!(!started.identity.wait_end(Duration::ZERO));
        started.end(Signal::KILL, Duration::from_secs(10));
        assert!(!started.identity.alive());
    }
}
