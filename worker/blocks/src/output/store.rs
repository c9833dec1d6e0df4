//! A file system for those who write more than one file: looking, moving and removing, each step with its own error.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use hdfs_native::client::FileStatus;

use crate::error::WriteError;
use crate::hdfs::{Hdfs, NameSpace};
use crate::write::{self, LOOK, MAKE_DIRECTORY, Sink, Target, local_error};

const LIST: &str = "list it";
const MOVE: &str = "rename it";
const REMOVE: &str = "remove it";

/// A directory of HDFS as the usual umask makes it.
const DIRECTORY_PERMISSION: u32 = 0o755;

/// Where files are written.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    /// This host's file system.
    Local,
    /// A name space of HDFS.
    Hdfs { hdfs: Arc<Hdfs>, space: Arc<NameSpace> },
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) is_directory: bool,
    /// Milliseconds since 1970.
    pub(crate) modified_ms: u64,
}

impl Store {
    /// What messages call `path`, and what [`crate::BlockReader`] finds again.
    pub(crate) fn url(&self, path: &str) -> String {
        match self {
            Store::Local => format!("file://{path}"),
            Store::Hdfs { space, .. } => format!("{}{path}", space.url_prefix),
        }
    }

    /// Where a local link leads: nothing can be renamed over the link itself. Any other path as it is.
    pub(crate) fn resolve(&self, path: String) -> String {
        if !matches!(self, Store::Local) || !Path::new(&path).is_symlink() {
            return path;
        }
        fs::canonicalize(&path).ok().and_then(|real| real.into_os_string().into_string().ok()).unwrap_or(path)
    }

    /// What is at `path`, without following a local link.
    pub(crate) async fn look(&self, path: &str) -> Result<Option<Found>, WriteError> {
        match self.target(path) {
            Some(target) => Ok(target.look().await?.as_ref().map(of_status)),
            None => match fs::symlink_metadata(path) {
                Ok(metadata) => Ok(Some(of_metadata(&metadata))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(self.failed(path, LOOK, error)),
            },
        }
    }

    /// The names directly in a directory, hidden ones too.
    pub(crate) async fn children(&self, directory: &str) -> Result<Vec<(String, Found)>, WriteError> {
        if let Some(target) = self.target(directory) {
            let asked = directory.to_owned();
            let list = target.step(LIST, |client| async move { client.list_status(&asked, false).await });
            let named = |status: FileStatus| {
                let name = status.path.rsplit('/').next().unwrap_or(&status.path).to_owned();
                (name, of_status(&status))
            };
            return Ok(list.await?.into_iter().map(named).collect());
        }
        let failed = |error| self.failed(directory, LIST, error);
        let mut children = Vec::new();
        for child in fs::read_dir(directory).map_err(failed)? {
            let child = child.map_err(failed)?;
            // One that vanishes meanwhile, and one with a name that is none of ours.
            let (Ok(metadata), Ok(name)) = (child.metadata(), child.file_name().into_string()) else { continue };
            children.push((name, of_metadata(&metadata)));
        }
        Ok(children)
    }

    /// Makes a directory in one that is there; true when it was not there before.
    pub(crate) async fn make_directory(&self, path: &str) -> Result<bool, WriteError> {
        let Some(target) = self.target(path) else {
            return match fs::create_dir(path) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && Path::new(path).is_dir() => Ok(false),
                Err(error) => Err(self.failed(path, MAKE_DIRECTORY, error)),
            };
        };
        if target.look().await?.is_some_and(|status| status.isdir) {
            return Ok(false);
        }
        let asked = path.to_owned();
        let make =
            |client: hdfs_native::Client| async move { client.mkdirs(&asked, DIRECTORY_PERMISSION, false).await };
        target.step(MAKE_DIRECTORY, make).await?;
        Ok(true)
    }

    /// Moves a file to a name that is free.
    pub(crate) async fn move_file(&self, from: &str, to: &str) -> Result<(), WriteError> {
        match self.target(to) {
            None => write::rename(Path::new(from), Path::new(to), false).map_err(|error| self.failed(to, MOVE, error)),
            Some(target) => self.rename(target, from, to, false).await,
        }
    }

    /// Moves a directory (or whatever is at `from`) to a name that is free or belongs to an empty directory: both file
    /// systems refuse to replace a directory that holds something, or a file.
    pub(crate) async fn move_directory(&self, from: &str, to: &str) -> Result<(), WriteError> {
        match self.target(to) {
            None => fs::rename(from, to).map_err(|error| self.failed(to, MOVE, error)),
            Some(target) => self.rename(target, from, to, true).await,
        }
    }

    async fn rename(&self, target: Target, from: &str, to: &str, overwrite: bool) -> Result<(), WriteError> {
        let (asked_from, asked_to) = (from.to_owned(), to.to_owned());
        let rename =
            |client: hdfs_native::Client| async move { client.rename(&asked_from, &asked_to, overwrite).await };
        let Err(error) = target.step(MOVE, rename).await else { return Ok(()) };
        // One of the two names is ours alone. If it has changed sides, the NameNode did it and its answer was lost.
        let gone = matches!(self.look(from).await, Ok(None));
        if gone && matches!(self.look(to).await, Ok(Some(_))) { Ok(()) } else { Err(error) }
    }

    /// Removes a file, or a directory with all that is in it. None there is fine.
    pub(crate) async fn remove_tree(&self, path: &str) -> Result<(), WriteError> {
        self.remove(path, true).await
    }

    /// Removes a directory with nothing in it.
    pub(crate) async fn remove_empty(&self, path: &str) -> Result<(), WriteError> {
        self.remove(path, false).await
    }

    async fn remove(&self, path: &str, recursive: bool) -> Result<(), WriteError> {
        if let Some(target) = self.target(path) {
            let asked = path.to_owned();
            let removed = target.step(REMOVE, |client| async move { client.delete(&asked, recursive).await });
            return removed.await.map(drop);
        }
        let is_directory = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata.is_dir(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.failed(path, REMOVE, error)),
        };
        let removed = match (is_directory, recursive) {
            (false, _) => fs::remove_file(path),
            (true, true) => fs::remove_dir_all(path),
            (true, false) => fs::remove_dir(path),
        };
        removed.map_err(|error| self.failed(path, REMOVE, error))
    }

    /// A new file in a directory that is there.
    pub(crate) async fn create(&self, path: &str) -> Result<Sink, WriteError> {
        match self.target(path) {
            Some(target) => Sink::hdfs(target, path).await,
            None => Sink::local(Path::new(path), &self.url(path)),
        }
    }

    fn target(&self, path: &str) -> Option<Target> {
        match self {
            Store::Local => None,
            Store::Hdfs { hdfs, space } => {
                let (hdfs, space) = (hdfs.clone(), space.clone());
                Some(Target { hdfs, space, path: path.to_owned(), url: self.url(path) })
            }
        }
    }

    fn failed(&self, path: &str, step: &'static str, error: io::Error) -> WriteError {
        local_error(&self.url(path), step, error)
    }
}

fn of_status(status: &FileStatus) -> Found {
    Found { is_directory: status.isdir, modified_ms: status.modification_time }
}

fn of_metadata(metadata: &Metadata) -> Found {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    let modified_ms = since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    Found { is_directory: metadata.is_dir(), modified_ms }
}
