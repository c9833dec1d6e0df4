//! What waits until all files are written: files that name their place, links, and the modes of directories.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Timestamps, utimensat};

use super::{UnpackError, files::times};
use crate::fixups::{self, Fixup, FixupMode};
use crate::tree::{bytes, path as to_path};

/// Files longer than this are not put right, bytes.
const MOST: u64 = 1 << 30;
/// A placeholder in text is not shorter than this, bytes: a short one in many places would make a file very long.
const SHORTEST: usize = 16;

#[derive(Default)]
pub(super) struct Later {
    directories: BTreeMap<PathBuf, (u32, Option<u64>)>,
    symlinks: Vec<(PathBuf, PathBuf)>,
    hard_links: Vec<(PathBuf, PathBuf)>,
    manifest: Option<Vec<u8>>,
}

impl Later {
    pub(super) fn has_directory(&self, path: &Path) -> bool {
        self.directories.contains_key(path)
    }

    pub(super) fn directory(&mut self, path: &Path, mode: u32, time: Option<u64>) {
        self.directories.insert(path.to_owned(), (mode, time));
    }

    pub(super) fn symlink(&mut self, path: PathBuf, target: &[u8]) {
        self.symlinks.push((path, to_path(target).to_owned()));
    }

    pub(super) fn hard_link(&mut self, path: PathBuf, target: &[u8]) {
        // `Contents` has found it among the files: without `.` and `..`.
        let target = to_path(target).components().filter(|part| *part != std::path::Component::CurDir).collect();
        self.hard_links.push((path, target));
    }

    /// Takes the list of files that name their place.
    pub(super) fn manifest(&mut self, content: &mut dyn Read) -> io::Result<()> {
        let mut text = Vec::new();
        content.take(fixups::MOST).read_to_end(&mut text)?;
        self.manifest = Some(text);
        Ok(())
    }

    /// Writes `prefix` into the files of the list. Returns how many there are.
    pub(super) fn fix(&self, root: &Path, prefix: &Path, archive: &Path) -> Result<u64, UnpackError> {
        let Some(text) = &self.manifest else { return Ok(0) };
        let damaged = |source| UnpackError::Fixups { archive: archive.to_owned(), source };
        let fixups = fixups::read(text).map_err(|error| damaged(error.into()))?;
        let mut seen = BTreeSet::new();
        for fixup in &fixups {
            let invalid = |reason: &str| {
                damaged(io::Error::new(io::ErrorKind::InvalidData, format!("{:?} {reason}", fixup.path)))
            };
            let path = file_of(root, fixup).map_err(|reason| invalid(&reason))?;
            // Twice could make a small file as large as the disk.
            if !seen.insert(path.clone()) {
                return Err(invalid("is there twice"));
            }
            fix(&path, fixup, prefix)?;
        }
        Ok(fixups.len() as u64)
    }

    /// Makes links, and gives directories their modes and times, the deepest first.
    pub(super) fn finish(&self, root: &Path) -> Result<(), UnpackError> {
        for (path, target) in &self.hard_links {
            let path = root.join(path);
            fs::hard_link(root.join(target), &path).map_err(|source| UnpackError::write(&path, source))?;
        }
        for (path, target) in &self.symlinks {
            let path = root.join(path);
            symlink(target, &path).map_err(|source| UnpackError::write(&path, source))?;
        }
        for (path, (mode, time)) in self.directories.iter().rev() {
            let path = root.join(path);
            let set = set_times(&path, *time).and_then(|()| fs::set_permissions(&path, Permissions::from_mode(*mode)));
            set.map_err(|source| UnpackError::write(&path, source))?;
        }
        if !self.has_directory(Path::new("")) {
            let set = fs::set_permissions(root, Permissions::from_mode(0o755));
            set.map_err(|source| UnpackError::write(root, source))?;
        }
        Ok(())
    }
}

fn set_times(path: &Path, time: Option<u64>) -> io::Result<()> {
    let Some(time) = time else { return Ok(()) };
    let times: Timestamps = times(time);
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// The file that is to be put right. No link exists yet, so that it is inside.
fn file_of(root: &Path, fixup: &Fixup) -> Result<PathBuf, String> {
    let components = crate::paths::components(fixup.path.as_bytes()).map_err(|defect| defect.to_string())?;
    let path = root.join(to_path(&components.join(&b'/')));
    if !fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
        return Err("is no file of the archive".to_owned());
    }
    let shortest = if fixup.mode == FixupMode::Text { SHORTEST } else { 1 };
    if fixup.placeholder.len() < shortest {
        return Err(format!("has the placeholder {:?}, which is too short for one", fixup.placeholder));
    }
    Ok(path)
}

fn fix(path: &Path, fixup: &Fixup, prefix: &Path) -> Result<(), UnpackError> {
    let failed = |source| UnpackError::write(path, source);
    let metadata = fs::symlink_metadata(path).map_err(failed)?;
    if metadata.len() > MOST {
        return Ok(());
    }
    let content = fs::read(path).map_err(failed)?;
    let Some(fixed) = fixup.apply(&content, bytes(prefix)) else {
        let room = if fixup.mode == FixupMode::Binary { fixup.placeholder.len() } else { 0 };
        return Err(UnpackError::TooLong { prefix: prefix.to_owned(), file: fixup.path.clone(), room });
    };
    if fixed == content {
        return Ok(());
    }
    let modified = metadata.modified().map_err(failed)?;
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
    fs::write(path, fixed).map_err(failed)?;
    let file = fs::File::options().write(true).open(path).map_err(failed)?;
    file.set_modified(modified).map_err(failed)?;
    fs::set_permissions(path, metadata.permissions()).map_err(failed)
}

/// Removes a directory with everything in it, whatever the modes are.
pub(super) fn remove_tree(root: &Path) -> io::Result<()> {
    if fs::remove_dir_all(root).is_ok() {
        return Ok(());
    }
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        fs::set_permissions(&directory, Permissions::from_mode(0o700))?;
        for child in fs::read_dir(&directory)? {
            let child = child?;
            if child.file_type()?.is_dir() {
                open.push(child.path());
            }
        }
    }
    fs::remove_dir_all(root)
}
