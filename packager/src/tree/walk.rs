//! Reading a directory tree. Symbolic links are never followed, so there are no loops.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Entry, EntryKind, mode, special};
use crate::failure::PackError;
use crate::filter::Filter;
use crate::plan::LeftOut;

/// A tree on disk, and what was left out of it.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    pub(crate) entries: Vec<Entry>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// Everything below `root` that `filter` lets through, under `name` in the archive, in no order.
pub(crate) fn walk(root: &Path, name: &Path, filter: &dyn Filter) -> Result<Walked, PackError> {
    let mut walked = Walked::default();
    let mut open = vec![(root.to_owned(), name.to_owned())];
    while let Some((directory, name)) = open.pop() {
        read(&directory, &name, filter, &mut open, &mut walked)?;
    }
    Ok(walked)
}

fn read(
    directory: &Path,
    name: &Path,
    filter: &dyn Filter,
    open: &mut Vec<(PathBuf, PathBuf)>,
    walked: &mut Walked,
) -> Result<(), PackError> {
    let failed = |source| PackError::Read { path: directory.to_owned(), source };
    for child in fs::read_dir(directory).map_err(failed)? {
        let child = child.map_err(failed)?;
        let (path, name) = (child.path(), name.join(child.file_name()));
        let failed = |source| PackError::Read { path: path.clone(), source };
        let metadata = child.metadata().map_err(failed)?;
        let kind = metadata.file_type();
        if let Some(reason) = filter.leaves_out(&name, kind.is_dir()) {
            let bytes = if kind.is_dir() { size_of(&path) } else { metadata.len() };
            walked.left_out.push(LeftOut { path: name, reason, bytes });
            continue;
        }
        let kind = if kind.is_dir() {
            open.push((path, name.clone()));
            EntryKind::Directory
        } else if kind.is_symlink() {
            EntryKind::Symlink(fs::read_link(&path).map_err(failed)?)
        } else if kind.is_file() {
            walked.entries.push(Entry::file(name, path, &metadata));
            continue;
        } else {
            return Err(PackError::Special { path, kind: special(kind) });
        };
        walked.entries.push(Entry { path: name, mode: mode(&metadata), kind });
    }
    Ok(())
}

/// Bytes of all files below a directory that is not packed; what cannot be read counts nothing.
fn size_of(directory: &Path) -> u64 {
    let mut bytes = 0;
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for child in fs::read_dir(directory).into_iter().flatten().flatten() {
            let Ok(metadata) = child.metadata() else { continue };
            if metadata.is_dir() {
                open.push(child.path());
            } else {
                bytes += metadata.len();
            }
        }
    }
    bytes
}
