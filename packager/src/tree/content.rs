//! Reading files of the environment, so that a change while they are being packed does not go unnoticed.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use rustix::fs::{Mode, OFlags};

use crate::failure::PackError;
use crate::tree::{DiskFile, Stamp};

/// The whole content.
pub(crate) fn whole(file: &DiskFile) -> Result<Vec<u8>, PackError> {
    range(file, 0..file.stamp.size)
}

/// Bytes `range` of the content.
pub(crate) fn range(file: &DiskFile, range: Range<u64>) -> Result<Vec<u8>, PackError> {
    let opened = open(file)?;
    let mut content = vec![0; (range.end - range.start) as usize];
    let read = opened.read_exact_at(&mut content, range.start);
    check(file, &opened)?;
    read.map_err(|source| PackError::read(&file.path, source))?;
    Ok(content)
}

/// The file, if it is what it was when the tree was walked.
pub(crate) fn open(file: &DiskFile) -> Result<File, PackError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = rustix::fs::open(&file.path, flags, Mode::empty());
    let opened = File::from(opened.map_err(|source| PackError::read(&file.path, source.into()))?);
    check(file, &opened)?;
    Ok(opened)
}

fn check(file: &DiskFile, opened: &File) -> Result<(), PackError> {
    let metadata = opened.metadata().map_err(|source: io::Error| PackError::read(&file.path, source))?;
    if Stamp::of(&metadata) == file.stamp {
        return Ok(());
    }
    Err(PackError::Changed { path: file.path.clone(), what: "changed" })
}
