//! The one place with `unsafe`: processes that begin in other namespaces than ours, and what happens when we exit.
#![allow(unsafe_code, reason = "a process enters its namespaces between fork and exec")]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::Arc;

use rustix::thread::{ThreadNameSpaceType, UnshareFlags, move_into_thread_name_spaces, unshare_unsafe};

/// Starts `command` as the first process of a new host: with a network, mounts, a name and process ids of its own. When it
/// ends, by whatever cause, the kernel ends every process on the host.
pub(crate) fn spawn_host(mut command: Command) -> io::Result<Child> {
    let isolate = || {
        rustix::process::setsid()?;
        let own = UnshareFlags::NEWNET | UnshareFlags::NEWNS | UnshareFlags::NEWUTS;
        // SAFETY: none of the flags touches the table of file descriptors, which is what makes the function unsafe.
        unsafe { unshare_unsafe(own)? };
        Ok(())
    };
    // SAFETY: the closure makes system calls only: it neither allocates nor takes a lock.
    unsafe { command.pre_exec(isolate) };
    on_own_thread(|| {
        // SAFETY: as above; only children of this thread are concerned, and it ends here.
        unsafe { unshare_unsafe(UnshareFlags::NEWPID)? };
        command.spawn()
    })
}

/// How a process that enters a host behaves.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The host's first process.
    pub(crate) host: Arc<OwnedFd>,
    /// The working directory, as the host sees it.
    pub(crate) directory: CString,
    /// Whether it leaves our terminal and process group.
    pub(crate) session: bool,
}

/// Starts `command` on a host: in all its namespaces.
pub(crate) fn spawn_inside(command: &mut Command, entry: &Entry) -> io::Result<Child> {
    let Entry { host, directory, session } = entry.clone();
    let descriptor = Arc::clone(&host);
    let enter = move || {
        if session {
            rustix::process::setsid()?;
        }
        let spaces = ThreadNameSpaceType::NETWORK
            | ThreadNameSpaceType::MOUNT
            | ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME;
        move_into_thread_name_spaces(descriptor.as_fd(), spaces)?;
        rustix::process::chdir(directory.as_c_str())?;
        Ok(())
    };
    // SAFETY: the closure makes system calls only: it neither allocates nor takes a lock.
    unsafe { command.pre_exec(enter) };
    on_own_thread(|| {
        move_into_thread_name_spaces(host.as_fd(), ThreadNameSpaceType::PROCESS_ID)?;
        command.spawn()
    })
}

/// Starts `command` in a host's network, and ours in everything else: for tools whose arguments are our process ids.
pub(crate) fn spawn_in_network(command: &mut Command, host: &Arc<OwnedFd>) -> io::Result<Child> {
    let descriptor = Arc::clone(host);
    let enter = move || Ok(move_into_thread_name_spaces(descriptor.as_fd(), ThreadNameSpaceType::NETWORK)?);
    // SAFETY: the closure makes one system call.
    unsafe { command.pre_exec(enter) };
    command.spawn()
}

/// Runs `work` on a thread inside a host's network: its sockets are the host's.
pub(crate) fn in_network<T: Send>(host: &OwnedFd, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    on_own_thread(|| {
        move_into_thread_name_spaces(host.as_fd(), ThreadNameSpaceType::NETWORK)?;
        Ok(work())
    })
}

/// Has `work` called when this process exits in good order. A killed one never gets there: what must not outlive it
/// hangs on a pipe instead.
pub(crate) fn at_exit(work: extern "C" fn()) {
    // SAFETY: `work` is a plain function without captured state, and it does not unwind (it is `extern "C"`).
    unsafe { libc::atexit(work) };
}

/// What a process has used, together with the children that it waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// CPU time, seconds.
    pub cpu: f64,
    /// Time from its start to its end, seconds.
    pub wall: f64,
    /// Most memory that one of them had at once, bytes.
    pub peak: u64,
}

/// Runs `command` to its end and says what it used.
///
/// # Errors
/// When it does not start, or does not succeed.
pub fn measured(command: &mut Command) -> io::Result<Usage> {
    let began = std::time::Instant::now();
    let child = command.spawn()?;
    let process = libc::pid_t::try_from(child.id()).map_err(io::Error::other)?;
    let mut status = 0;
    // SAFETY: all bytes of a `rusage` may be zero.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointers are to values of ours. Nobody else waits for the child: its handle is dropped without.
    let waited = unsafe { libc::wait4(process, &mut status, 0, &mut usage) };
    let wall = began.elapsed().as_secs_f64();
    if waited != process {
        return Err(io::Error::last_os_error());
    }
    if status != 0 {
        return Err(io::Error::other(format!("{command:?} ended with status {status:#x}")));
    }
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let peak = u64::try_from(usage.ru_maxrss).unwrap_or_default() << 10;
    Ok(Usage { cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime), wall, peak })
}

/// A thread's namespaces cannot be given back for certain, so the thread is thrown away.
fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| match scope.spawn(work).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
