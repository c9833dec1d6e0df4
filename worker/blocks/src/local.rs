//! Files of this host.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{ListError, ReadError};
use crate::file::FileRef;
use crate::listing::{Entry, Kind};
use crate::window::{self, WindowError};

/// The file system of this host, for listings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalTree;

impl LocalTree {
    /// What `path` leads to, following links; none when there is nothing.
    pub(crate) fn status(&self, path: &str, given: &str) -> Result<Option<Entry>, ListError> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(entry(path.to_owned(), &metadata))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(list_error(given, error)),
        }
    }

    /// What is directly in a directory. A name that vanishes meanwhile, or a link that leads nowhere, is left out.
    pub(crate) fn children(&self, directory: &str, given: &str) -> Result<Vec<Entry>, ListError> {
        let fail = |error| list_error(given, error);
        let mut entries = Vec::new();
        for child in fs::read_dir(directory).map_err(fail)? {
            let path = child.map_err(fail)?.path();
            let Ok(metadata) = fs::metadata(&path) else { continue };
            entries.push(entry(text_of(path).map_err(fail)?, &metadata));
        }
        Ok(entries)
    }
}

/// `path` from the root, as text.
pub(crate) fn absolute(path: &Path, given: &str) -> Result<String, ListError> {
    std::path::absolute(path).and_then(text_of).map_err(|error| list_error(given, error))
}

fn text_of(path: PathBuf) -> io::Result<String> {
    path.into_os_string().into_string().map_err(|name| {
        let message = format!("the name {} is not UTF-8; rename it", name.display());
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

fn entry(path: String, metadata: &Metadata) -> Entry {
    let kind = match () {
        () if metadata.is_file() => Kind::File,
        () if metadata.is_dir() => Kind::Directory,
        () => Kind::Other,
    };
    Entry { path, kind, len: metadata.len(), modified_ms: modified_ms(metadata) }
}

fn modified_ms(metadata: &Metadata) -> i64 {
    metadata.mtime().saturating_mul(1000).saturating_add(metadata.mtime_nsec() / 1_000_000)
}

fn list_error(given: &str, error: io::Error) -> ListError {
    let path = given.to_owned();
    if error.kind() == io::ErrorKind::PermissionDenied {
        return ListError::PermissionDenied { path, user: own_user(), source: Box::new(error) };
    }
    ListError::Io { path, source: error }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Who this process is, for messages about permissions.
pub(crate) fn own_user() -> String {
    std::env::var("USER").unwrap_or_else(|_| format!("uid {}", rustix::process::geteuid().as_raw()))
}

/// An open local file that is the one that was planned.
#[derive(Debug)]
pub(crate) struct LocalFile {
    file: File,
    name: Arc<str>,
    planned: FileRef,
}

impl LocalFile {
    /// Opens `path` and compares it with what was planned.
    pub(crate) fn open(path: &Path, planned: &FileRef) -> Result<LocalFile, ReadError> {
        let fail = |error| open_error(planned, error);
        // A pipe would block the open, so the kind is looked at first.
        if !fs::metadata(path).map_err(fail)?.is_file() {
            let reason = "it is not a regular file any more".to_owned();
            return Err(ReadError::Unsupported { url: planned.url.clone(), reason });
        }
        let file = File::open(path).map_err(fail)?;
        let opened = LocalFile { file, name: path.display().to_string().into(), planned: planned.clone() };
        opened.compare()?;
        Ok(opened)
    }

    /// At most `len` bytes from `offset`, which lies before the end.
    pub(crate) fn window(&self, offset: u64, len: usize) -> Result<Bytes, ReadError> {
        let len = window::clip(offset, len, self.planned.len);
        let taken = window::take(&self.file, offset, len, &self.name);
        if taken.is_ok() {
            window::expect_next(&self.file, offset + len as u64, len, self.planned.len);
        }
        // Also when the window is there: behind the new end of a file that shrank, its last page holds zeros.
        self.compare()?;
        taken.map_err(|error| match error {
            WindowError::PagesMissing => {
                let source = io::Error::other("the kernel cannot bring its pages in; has its disk failed?");
                self.io_error(offset, source)
            }
            WindowError::Io(source) => self.io_error(offset, source),
        })
    }

    fn io_error(&self, offset: u64, source: io::Error) -> ReadError {
        ReadError::Io { url: self.planned.url.clone(), offset, source }
    }

    fn compare(&self) -> Result<(), ReadError> {
        let metadata = self.file.metadata().map_err(|error| open_error(&self.planned, error))?;
        compare(&self.planned, metadata.len(), modified_ms(&metadata))
    }
}

/// An error when length or time are not those that were planned.
pub(crate) fn compare(planned: &FileRef, len: u64, modified_ms: i64) -> Result<(), ReadError> {
    let changed = |what| Err(ReadError::Changed { url: planned.url.clone(), what });
    if len != planned.len {
        return changed(format!("it had {} bytes and has {len}", planned.len));
    }
    if modified_ms != planned.modified_ms {
        return changed(format!("its time was {} ms and is {modified_ms} ms", planned.modified_ms));
    }
    Ok(())
}

fn open_error(planned: &FileRef, error: io::Error) -> ReadError {
    let url = planned.url.clone();
    if is_missing(&error) {
        return ReadError::NotFound { url };
    }
    if error.kind() == io::ErrorKind::PermissionDenied {
        return ReadError::PermissionDenied { url, user: own_user(), source: Box::new(error) };
    }
    ReadError::Io { url, offset: 0, source: error }
}
