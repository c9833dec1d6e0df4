//! Programs on a host of the cluster.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use super::error::HostError;
use super::host::Host;
use super::{Cluster, USER};
use crate::sys::{self, Entry};

/// A command that runs on a host: like [`std::process::Command`], with the host's network, mounts, name and process ids. It
/// ends with the cluster. The child's id is the machine's, so that it can be signalled.
#[derive(Debug)]
pub struct HostCommand {
    command: Command,
    entry: Entry,
}

impl Cluster {
    /// A program on a host, as `alice` and with `HADOOP_CONF_DIR` set.
    ///
    /// # Panics
    /// When the cluster has no such host.
    pub fn exec(&self, host: Host, program: impl AsRef<OsStr>) -> HostCommand {
        match self.enter(host, program.as_ref()) {
            Ok(command) => command,
            Err(error) => panic!("exec: {error}"),
        }
    }

    /// Like [`Cluster::exec`], for hosts that may not exist.
    pub fn enter(&self, host: Host, program: &OsStr) -> Result<HostCommand, HostError> {
        let mut command = Command::new(program);
        for (key, _) in std::env::vars_os() {
            if [b"HADOOP".as_slice(), b"YARN"].iter().any(|prefix| key.as_bytes().starts_with(prefix)) {
                command.env_remove(key);
            }
        }
        command.env("HADOOP_CONF_DIR", self.layout.configuration()).env("HADOOP_USER_NAME", USER);
        let directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        let entry = Entry { host: self.entrance(host)?.clone(), directory: c_string(&directory), session: false };
        Ok(HostCommand { command, entry })
    }
}

impl HostCommand {
    /// Adds an argument.
    pub fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(&mut self, arguments: impl IntoIterator<Item = S>) -> &mut Self {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    pub fn env(&mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.command.env(key, value);
        self
    }

    /// Takes an environment variable away.
    pub fn env_remove(&mut self, key: impl AsRef<OsStr>) -> &mut Self {
        self.command.env_remove(key);
        self
    }

    /// Starts from an empty environment; the cluster's own variables go too.
    pub fn env_clear(&mut self) -> &mut Self {
        self.command.env_clear();
        self
    }

    /// Sets the working directory, as the host sees it; ours unless it is said.
    pub fn current_dir(&mut self, directory: impl AsRef<Path>) -> &mut Self {
        self.entry.directory = c_string(directory.as_ref());
        self
    }

    /// Sets the standard input.
    pub fn stdin(&mut self, stream: impl Into<Stdio>) -> &mut Self {
        self.command.stdin(stream);
        self
    }

    /// Sets the standard output.
    pub fn stdout(&mut self, stream: impl Into<Stdio>) -> &mut Self {
        self.command.stdout(stream);
        self
    }

    /// Sets the standard error.
    pub fn stderr(&mut self, stream: impl Into<Stdio>) -> &mut Self {
        self.command.stderr(stream);
        self
    }

    /// Leaves our terminal and process group: its own session, whose group has the child's id.
    pub fn new_session(&mut self) -> &mut Self {
        self.entry.session = true;
        self
    }

    /// Starts it.
    pub fn spawn(&mut self) -> io::Result<Child> {
        sys::spawn_inside(&mut self.command, &self.entry)
    }

    /// Runs it to its end.
    pub fn status(&mut self) -> io::Result<ExitStatus> {
        self.spawn()?.wait()
    }

    /// Runs it to its end with no input, and returns what it printed.
    pub fn output(&mut self) -> io::Result<Output> {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.spawn()?.wait_with_output()
    }
}

/// A path for a system call; none has a zero byte that came out of the system.
fn c_string(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}
