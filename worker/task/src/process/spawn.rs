//! One child of a worker, from its start to its end.

use std::ffi::OsString;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, Signal, kill_process_group};

use super::PARENT_VARIABLE;
use super::tail::Tail;

/// A child that lives, or has just died. Dropping it ends it.
pub(super) struct Process {
    child: Option<Child>,
    pub pid: Pid,
    /// Where it is spoken with, while nobody does.
    pub channel: Option<UnixStream>,
    /// Which way to its application it was told, if any.
    pub home: Option<u64>,
    pub tail: Tail,
}

impl Process {
    /// Starts this executable with these words.
    pub fn start(words: &[OsString]) -> std::io::Result<Process> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (letter_box, stdin) = UnixStream::pair()?;
        post(&letter_box, &theirs)?;
        let mut command = Command::new("/proc/self/exe");
        command.args(words).env(PARENT_VARIABLE, std::process::id().to_string());
        command.arg0(std::env::args_os().next().unwrap_or_default());
        // A group of its own: what it starts ends with it, and the terminal's interrupt is for the program alone.
        command.process_group(0).stdin(Stdio::from(OwnedFd::from(stdin))).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let pid = Pid::from_child(&child);
        let tail = child.stderr.take().map_or_else(|| Ok(Tail::default()), Tail::of);
        let tail = tail.or_else(|error| {
            // A child that is not ours to speak with must not stay.
            child.kill().and_then(|()| child.wait())?;
            Err(error)
        })?;
        Ok(Process { child: Some(child), pid, channel: Some(ours), home: None, tail })
    }

    /// Is it there still? Idle ones may have been killed by whoever was short of memory.
    pub fn is_alive(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    fn kill(&self) {
        // It may have ended already, and is ours until it was waited for: its number is nobody else's.
        let _ = kill_process_group(self.pid, Signal::KILL);
    }

    /// Ends it, unless it has ended, and says how it did.
    pub fn end(mut self) -> std::io::Result<(ExitStatus, Vec<String>)> {
        self.kill();
        match self.child.take() {
            Some(mut child) => Ok((child.wait()?, self.tail.last())),
            None => Err(std::io::ErrorKind::NotFound.into()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            self.kill();
            // The kernel takes its time to free much memory.
            let wait = move || drop(child.wait());
            // Where there are no threads, it stays a zombie until the worker ends.
            let _ = std::thread::Builder::new().name("wait".to_owned()).spawn(wait);
        }
    }
}

/// Bytes of memory that a process has for itself: its heap and stacks, neither the program nor mapped files. 0 if it is dead.
pub(super) fn memory(pid: Pid) -> u64 {
    let path = format!("/proc/{}/status", pid.as_raw_nonzero());
    anonymous(&std::fs::read_to_string(path).unwrap_or_default())
}

/// Sends a socket through another one.
fn post(through: &UnixStream, socket: &UnixStream) -> std::io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let sockets = [socket.as_fd()];
    if !control.push(SendAncillaryMessage::ScmRights(&sockets)) {
        return Err(std::io::ErrorKind::OutOfMemory.into());
    }
    sendmsg(through, &[IoSlice::new(&[0])], &mut control, SendFlags::empty())?;
    Ok(())
}

/// Of `/proc/PID/status`, anonymous memory in bytes, wherever it is.
fn anonymous(status: &str) -> u64 {
    let counted = status.lines().filter(|line| line.starts_with("RssAnon:") || line.starts_with("VmSwap:"));
    let kilobytes = counted.filter_map(|line| line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.sum::<u64>() << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_files_have_in_memory_is_not_counted() {
        let status = "VmRSS:\t  300 kB\nRssAnon:\t   100 kB\nRssFile:\t   200 kB\nVmSwap:\t   28 kB\n";
        assert_eq!(anonymous(status), 128 << 10);
        assert_eq!(anonymous(""), 0);
    }
}
