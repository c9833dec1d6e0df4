//! A directory tree as it is to be packed: one entry a path, sorted by the bytes of the paths.

pub(crate) mod content;
mod links;
mod walk;

use std::ffi::OsStr;
use std::fs::{FileType, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(crate) use links::{link_hard_links, relative_target, resolve_text};
pub(crate) use walk::{Walked, walk};

/// One path in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Where it is in the archive: relative, without `.` and `..`.
    pub(crate) path: PathBuf,
    /// Permission bits, without set-user-id, set-group-id and sticky.
    pub(crate) mode: u32,
    /// What it is.
    pub(crate) kind: EntryKind,
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// A directory; what is in it are entries of their own.
    Directory,
    /// A file on disk.
    File(DiskFile),
    /// A file that only the archive has.
    Made(Arc<[u8]>),
    /// A symbolic link.
    Symlink(PathBuf),
    /// The same file as an earlier entry, which is named by its path in the archive.
    HardLink(PathBuf),
}

/// A file on disk, and how to notice that it has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DiskFile {
    /// Where it is on this machine.
    pub(crate) path: PathBuf,
    /// What it was like when the tree was walked.
    pub(crate) stamp: Stamp,
    /// Names of the same file, this one included.
    pub(crate) names: u64,
}

/// What changes when a file changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) modified: (i64, i64),
    pub(crate) changed: (i64, i64),
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl DiskFile {
    pub(crate) fn new(path: PathBuf, metadata: &Metadata) -> DiskFile {
        DiskFile { path, stamp: Stamp::of(metadata), names: metadata.nlink() }
    }
}

impl Entry {
    /// The file `path` on disk, under `name` in the archive.
    pub(crate) fn file(name: PathBuf, path: PathBuf, metadata: &Metadata) -> Entry {
        Entry { path: name, mode: mode(metadata), kind: EntryKind::File(DiskFile::new(path, metadata)) }
    }

    /// A file that only the archive has.
    pub(crate) fn made(name: impl Into<PathBuf>, mode: u32, content: impl Into<Arc<[u8]>>) -> Entry {
        Entry { path: name.into(), mode, kind: EntryKind::Made(content.into()) }
    }

    /// A directory that only the archive has.
    pub(crate) fn directory(name: impl Into<PathBuf>) -> Entry {
        Entry { path: name.into(), mode: 0o755, kind: EntryKind::Directory }
    }

    /// A symbolic link.
    pub(crate) fn symlink(name: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Entry {
        Entry { path: name.into(), mode: 0o777, kind: EntryKind::Symlink(target.into()) }
    }

    /// Bytes of its content as it is on disk.
    pub(crate) fn size(&self) -> u64 {
        match &self.kind {
            EntryKind::File(file) => file.stamp.size,
            EntryKind::Made(content) => content.len() as u64,
            EntryKind::Directory | EntryKind::Symlink(_) | EntryKind::HardLink(_) => 0,
        }
    }

    /// Whether it may be run as a program.
    pub(crate) fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0 && matches!(self.kind, EntryKind::File(_) | EntryKind::Made(_))
    }
}

/// Permission bits that are packed: whose file it was does not matter on a node, so neither do the bits that depend on it.
pub(crate) fn mode(metadata: &Metadata) -> u32 {
    metadata.mode() & 0o777
}

/// Sorts entries by the bytes of their paths: a directory comes before what is in it, and no machine's locale or
/// directory order shows.
pub(crate) fn sort(entries: &mut [Entry]) {
    entries.sort_by(|a, b| bytes(&a.path).cmp(bytes(&b.path)));
}

/// The bytes of a path.
pub(crate) fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// A path of these bytes.
pub(crate) fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// What a file that cannot be packed is.
pub(crate) fn special(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_socket() {
        "socket"
    } else if kind.is_fifo() {
        "pipe"
    } else {
        "device"
    }
}
