//! The archive's file: a temporary one beside it that takes its name when it is whole.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::{PackError, PackOptions};
use crate::tree::Stamp;

/// A file that is being written.
pub(crate) struct Output {
    path: PathBuf,
    file: NamedTempFile,
    hash: Option<Sha256>,
}

/// A file that is in its place.
pub(crate) struct Archive {
    pub(crate) stamp: Stamp,
    pub(crate) hash: String,
}

/// An archive inside of the environment would become part of itself.
pub(super) fn check(path: &Path, root: &Path) -> Result<(), PackError> {
    if path.is_dir() {
        return Err(PackError::OutputIsDirectory(path.to_owned()));
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    let parent = fs::canonicalize(parent).map_err(|source| PackError::Write { path: path.to_owned(), source })?;
    if parent.starts_with(root) {
        return Err(PackError::OutputInside { path: path.to_owned(), root: root.to_owned() });
    }
    Ok(())
}

/// A file that somebody else made is not replaced unasked.
pub(super) fn may_replace(path: &Path, replaces: bool) -> Result<(), PackError> {
    if !replaces && fs::symlink_metadata(path).is_ok() {
        return Err(PackError::Exists(path.to_owned()));
    }
    Ok(())
}

/// A failure to write the archive of `options`.
pub(super) fn failed(options: &PackOptions, source: io::Error) -> PackError {
    PackError::Write { path: options.output.clone(), source }
}

impl Output {
    pub(super) fn create(path: &Path) -> Result<Output, PackError> {
        let failed = |source| PackError::Write { path: path.to_owned(), source };
        let parent = path.parent().unwrap_or(Path::new("/"));
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut builder = tempfile::Builder::new();
        let file = builder.prefix(&format!(".{name}.")).suffix(".partial").tempfile_in(parent).map_err(failed)?;
        Ok(Output { path: path.to_owned(), file, hash: Some(Sha256::new()) })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), PackError> {
        self.write_all(bytes).map_err(|source| PackError::Write { path: self.path.clone(), source })
    }

    /// Gives the file its name and lets everybody read it.
    pub(super) fn finish(self, replaces: bool) -> Result<Archive, PackError> {
        let Output { path, file, hash } = self;
        let failed = |source| PackError::Write { path: path.clone(), source };
        file.as_file().set_permissions(Permissions::from_mode(0o644)).map_err(failed)?;
        let digest = hash.unwrap_or_default().finalize();
        let persisted = if replaces { file.persist(&path) } else { file.persist_noclobber(&path) };
        let file = persisted.map_err(|error| {
            let exists = error.error.kind() == io::ErrorKind::AlreadyExists;
            if exists { PackError::Exists(path.clone()) } else { failed(error.error) }
        })?;
        let stamp = Stamp::of(&file.metadata().map_err(failed)?);
        Ok(Archive { stamp, hash: digest.iter().map(|byte| format!("{byte:02x}")).collect() })
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.file.write(bytes)?;
        if let Some(hash) = &mut self.hash {
            hash.update(&bytes[..length]);
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
