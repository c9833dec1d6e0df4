//! One copy for all containers of an application on a node: the first process unpacks, the others wait for it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::{UnpackError, UnpackOptions, finish, unpack};

/// Why there is no shared copy.
#[derive(Debug, thiserror::Error)]
pub enum SharedError {
    /// It cannot be unpacked.
    #[error("unpack the environment")]
    Unpack(#[from] UnpackError),
    /// The lock cannot be taken.
    #[error("lock {}", path.display())]
    Lock {
        /// The lock's file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Makes sure that `archive` is unpacked as `destination`, whose directory all processes share; says whether this one
/// did it. A process that dies meanwhile leaves its lock open and no destination, and the next one begins anew.
///
/// # Errors
/// When it is not there.
pub fn unpack_shared(archive: &Path, destination: &Path, options: &UnpackOptions) -> Result<bool, SharedError> {
    if destination.is_dir() {
        return Ok(false);
    }
    let path = destination.with_extension("lock");
    let failed = |source| SharedError::Lock { path: path.clone(), source };
    if let Some(parent) = destination.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    let lock = File::options().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    lock.lock().map_err(failed)?;
    if destination.is_dir() {
        return Ok(false);
    }
    remove_leftovers(destination);
    unpack(archive, destination, options, &AtomicBool::new(false))?;
    Ok(true)
}

/// What a process that was killed has left: nobody writes there, for we have the lock.
fn remove_leftovers(destination: &Path) {
    let (Some(parent), Some(name)) = (destination.parent(), destination.file_name()) else { return };
    let begins = format!(".{}.", name.to_string_lossy());
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(&begins) && name.ends_with(".partial") {
            // Another attempt will meet it again.
            let _ = finish::remove_tree(&entry.path());
        }
    }
}
