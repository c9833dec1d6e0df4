//! Why there is no session of this machine.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bobbin_link::DialError;

use crate::yarn::exit;

/// Why a session of this machine cannot be started, joined, looked at or ended.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// A name that is none.
    #[error("{0:?} is no name of a session: write 1 to 64 letters, digits, '-' and '_'")]
    Name(String),
    /// The system takes no such path.
    #[error("{} is too long for a socket, whose path has at most {most} bytes; set XDG_RUNTIME_DIR to another directory", path.display())]
    Long {
        /// The socket.
        path: PathBuf,
        /// What the system takes.
        most: usize,
    },
    /// A file or directory cannot be used.
    #[error("{what} {}", path.display())]
    File {
        /// What we were doing.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The directory belongs to somebody else.
    #[error("{} is no directory of yours, but of user {owner}: remove it, or set XDG_RUNTIME_DIR to a directory of yours", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Others may enter the directory.
    #[error("others may enter {} (mode {mode:04o}), where sessions trust whoever comes: chmod 700 it", path.display())]
    Open {
        /// The directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The name is taken.
    #[error(
        "session {name:?} runs already on this machine (process {pid}); stop it with `yarn-submit session stop {name}`, or choose another name"
    )]
    Running {
        /// Its name.
        name: String,
        /// Its process; 0 while it is starting.
        pid: u32,
    },
    /// Nobody has started one.
    #[error("there is no session {name:?} on this machine ({}); start it with: yarn-submit session start {name} --master local", socket.display())]
    Unknown {
        /// Its name.
        name: String,
        /// Where it would be.
        socket: PathBuf,
    },
    /// Its process is gone.
    #[error("session {name:?} on this machine is over: its process was killed, and has left {} (removed now); start it again: yarn-submit session start {name} --master local", socket.display())]
    Dead {
        /// Its name.
        name: String,
        /// Where it was.
        socket: PathBuf,
    },
    /// It does not answer.
    #[error("session {name:?} on this machine does not answer")]
    Dial {
        /// Its name.
        name: String,
        /// Why not.
        #[source]
        source: DialError,
    },
    /// It says nothing.
    #[error("session {name:?} on this machine has not answered for {} s; end it with: yarn-submit kill local-{name}", limit.as_secs())]
    Silent {
        /// Its name.
        name: String,
        /// How long we have waited.
        limit: Duration,
    },
    /// Its process did not become one.
    #[error("start session {name:?}: {why}; its log is {}", log.display())]
    Start {
        /// Its name.
        name: String,
        /// What went wrong.
        why: String,
        /// Where more may stand.
        log: PathBuf,
        /// The exit code that this deserves.
        exit_code: u8,
    },
    /// It goes on.
    #[error("session {name:?} (process {pid}) has not ended within {} s; end it with: yarn-submit kill local-{name}", limit.as_secs())]
    Lives {
        /// Its name.
        name: String,
        /// Its process.
        pid: i32,
        /// How long we have waited.
        limit: Duration,
    },
    /// Its process cannot be watched or ended.
    #[error("{what} process {pid} of session {name:?}")]
    Process {
        /// What we were doing.
        what: &'static str,
        /// Its name.
        name: String,
        /// Its process.
        pid: i32,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl MachineError {
    /// The exit code that this error deserves.
    pub fn exit_code(&self) -> u8 {
        match self {
            MachineError::Name(_) | MachineError::Long { .. } | MachineError::Running { .. } => exit::USAGE,
            MachineError::File { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => exit::PERMISSION,
            MachineError::File { .. } | MachineError::Unknown { .. } => exit::INPUT,
            MachineError::Foreign { .. } | MachineError::Open { .. } => exit::PERMISSION,
            MachineError::Dial { source: DialError::User { .. }, .. } => exit::PERMISSION,
            MachineError::Dead { .. } | MachineError::Dial { .. } | MachineError::Silent { .. } => exit::UNAVAILABLE,
            MachineError::Lives { .. } => exit::UNAVAILABLE,
            MachineError::Process { .. } => exit::INTERNAL,
            MachineError::Start { exit_code, .. } => *exit_code,
        }
    }
}
