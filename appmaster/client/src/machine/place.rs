//! Where the sessions of this machine are, and how they are found: a socket and a log each, in a directory that only their
//! user may enter.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bobbin_link::DialError;
use bobbin_proto::SessionStatus;
use tokio::time::timeout;

use super::{MachineError, connector, user};
use crate::yarn::named::is_name;

/// The longest path of a Unix socket that Linux takes, bytes.
const LONGEST: usize = 107;
/// How long a session may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// The directory of this user's sessions: `bobbin` in `$XDG_RUNTIME_DIR`, or `/tmp/bobbin-UID` where there is none. It is
/// of this machine: a home directory may be shared by many.
#[derive(Clone, Debug)]
pub struct Directory(PathBuf);

/// The place of one session, whether it is there or not.
#[derive(Clone, Debug)]
pub struct Place {
    name: String,
    directory: PathBuf,
}

/// Whether a session is there.
#[derive(Debug)]
pub enum State {
    /// It answers.
    Alive(SessionStatus),
    /// Its process is gone, and its socket was left; it is removed now.
    Dead,
    /// There is none.
    Absent,
}

impl Directory {
    /// This user's. It may not be there yet.
    pub fn of_user() -> Directory {
        match std::env::var_os("XDG_RUNTIME_DIR").filter(|directory| !directory.is_empty()) {
            Some(directory) => Directory(Path::new(&directory).join("bobbin")),
            None => Directory(PathBuf::from(format!("/tmp/bobbin-{}", user()))),
        }
    }

    /// The place of the session of this name.
    ///
    /// # Errors
    /// When the name is none.
    pub fn place(&self, name: &str) -> Result<Place, MachineError> {
        if !is_name(name) {
            return Err(MachineError::Name(name.to_owned()));
        }
        Ok(Place { name: name.to_owned(), directory: self.0.clone() })
    }

    /// Makes the directory, if it is not there.
    ///
    /// # Errors
    /// When it cannot be made, or others may use it.
    pub(super) fn make(&self) -> Result<(), MachineError> {
        match DirBuilder::new().mode(0o700).create(&self.0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(self.failed("make the directory of sessions", source)),
        }
        self.exists().map(drop)
    }

    /// Whether it is there; if so, only this user may use it.
    ///
    /// # Errors
    /// When others may use it.
    pub(super) fn exists(&self) -> Result<bool, MachineError> {
        let metadata = match std::fs::symlink_metadata(&self.0) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(self.failed("look at the directory of sessions", source)),
        };
        if !metadata.is_dir() || metadata.uid() != user() {
            return Err(MachineError::Foreign { path: self.0.clone(), owner: metadata.uid() });
        }
        let mode = metadata.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(MachineError::Open { path: self.0.clone(), mode });
        }
        Ok(true)
    }

    /// The places that have a socket, by name.
    ///
    /// # Errors
    /// When the directory cannot be read, or others may use it.
    pub fn places(&self) -> Result<Vec<Place>, MachineError> {
        if !self.exists()? {
            return Ok(Vec::new());
        }
        let entries = std::fs::read_dir(&self.0).map_err(|source| self.failed("list the sessions in", source))?;
        let name = |entry: io::Result<std::fs::DirEntry>| {
            Some(entry.ok()?.file_name().to_str()?.strip_suffix(".sock")?.to_owned())
        };
        let mut names: Vec<String> = entries.filter_map(name).filter(|name| is_name(name)).collect();
        names.sort();
        Ok(names.into_iter().map(|name| Place { name, directory: self.0.clone() }).collect())
    }

    fn failed(&self, what: &'static str, source: io::Error) -> MachineError {
        MachineError::File { what, path: self.0.clone(), source }
    }
}

impl Place {
    /// The session's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is called among applications.
    pub fn id(&self) -> String {
        format!("local-{}", self.name)
    }

    /// What drivers connect to.
    pub fn socket(&self) -> PathBuf {
        self.directory.join(format!("{}.sock", self.name))
    }

    /// What it says; it stays when the session has ended, until another one of this name begins.
    pub fn log(&self) -> PathBuf {
        self.directory.join(format!("{}.log", self.name))
    }

    /// The directory, which has to be as it should.
    pub(super) fn directory(&self) -> Directory {
        Directory(self.directory.clone())
    }

    /// The socket, if the system takes its path.
    ///
    /// # Errors
    /// When it is too long.
    pub(super) fn usable_socket(&self) -> Result<PathBuf, MachineError> {
        let path = self.socket();
        if path.as_os_str().len() > LONGEST {
            return Err(MachineError::Long { path, most: LONGEST });
        }
        Ok(path)
    }

    /// Whether a session is there, and how it is. The socket of one that was killed is removed.
    ///
    /// # Errors
    /// When it does not answer, or the directory is not only this user's.
    pub async fn state(&self) -> Result<State, MachineError> {
        if !self.directory().exists()? {
            return Ok(State::Absent);
        }
        let socket = self.usable_socket()?;
        let silent = || MachineError::Silent { name: self.name.clone(), limit: PATIENCE };
        match timeout(PATIENCE, connector().ask_status(&socket.to_string_lossy())).await.map_err(|_| silent())? {
            Ok(status) => Ok(State::Alive(status)),
            Err(DialError::Connect { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(State::Absent),
            Err(DialError::Connect { source, .. }) if source.kind() == io::ErrorKind::ConnectionRefused => {
                self.clean()?;
                Ok(State::Dead)
            }
            Err(source) => Err(MachineError::Dial { name: self.name.clone(), source }),
        }
    }

    /// How the session is.
    ///
    /// # Errors
    /// When there is none.
    pub async fn status(&self) -> Result<SessionStatus, MachineError> {
        match self.state().await? {
            State::Alive(status) => Ok(status),
            State::Dead => Err(MachineError::Dead { name: self.name.clone(), socket: self.socket() }),
            State::Absent => Err(MachineError::Unknown { name: self.name.clone(), socket: self.socket() }),
        }
    }

    /// The log, locked: whoever has it is the session of this name, and nobody else is. `None` while somebody is.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub(super) fn lock(&self) -> Result<Option<File>, MachineError> {
        let path = self.log();
        let failed = |what| move |source| MachineError::File { what, path: path.clone(), source };
        let log = OpenOptions::new().append(true).create(true).mode(0o600).open(self.log());
        let log = log.map_err(failed("open the session's log"))?;
        match log.try_lock() {
            Ok(()) => Ok(Some(log)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => {
                Err(MachineError::File { what: "lock the session's log", path: self.log(), source })
            }
        }
    }

    /// Removes the socket of a session that is no more.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(super) fn clean(&self) -> Result<(), MachineError> {
        // One that begins now replaces the socket itself.
        let Some(_lock) = self.lock()? else { return Ok(()) };
        match std::fs::remove_file(self.socket()) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(MachineError::File { what: "remove", path: self.socket(), source })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_a_directory_of_ones_own_will_do() {
        let parent = tempfile::tempdir().unwrap();
        let directory = Directory(parent.path().join("bobbin"));
        assert!(!directory.exists().unwrap() && directory.places().unwrap().is_empty());
        directory.make().unwrap();
        assert!(directory.exists().unwrap());
        std::fs::set_permissions(&directory.0, std::fs::Permissions::from_mode(0o750)).unwrap();
        assert!(matches!(directory.make(), Err(MachineError::Open { mode: 0o750, .. })));
        std::fs::remove_dir(&directory.0).unwrap();
        std::os::unix::fs::symlink(parent.path(), &directory.0).unwrap();
        assert!(matches!(directory.exists(), Err(MachineError::Foreign { .. })), "a link may lead anywhere");
    }

    #[tokio::test]
    async fn a_socket_that_nobody_serves_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let directory = Directory(parent.path().join("bobbin"));
        directory.make().unwrap();
        let place = directory.place("warm").unwrap();
        drop(std::os::unix::net::UnixListener::bind(place.socket()).unwrap());
        let lock = place.lock().unwrap().unwrap();
        assert!(matches!(place.state().await.unwrap(), State::Dead));
        assert!(place.socket().exists(), "somebody is starting there");
        drop(lock);
        assert!(matches!(place.state().await.unwrap(), State::Dead));
        assert!(!place.socket().exists());
        assert!(matches!(place.state().await.unwrap(), State::Absent));
        assert!(directory.place("a/b").is_err());
    }

    #[test]
    fn paths_that_are_too_long_are_refused() {
        let directory = Directory(PathBuf::from(format!("/{}", "d".repeat(100))));
        let place = directory.place("session").unwrap();
        assert!(matches!(place.usable_socket(), Err(MachineError::Long { most: 107, .. })));
    }
}
