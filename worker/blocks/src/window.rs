//! Windows: how a range of a file becomes bytes in memory.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::{Advice, fadvise};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use crate::sys::{MapError, Mapping};

/// Windows end at multiples of this, so that neighbours never share a checksummed chunk or a page.
pub(crate) const BORDER: u64 = 8 << 20;

/// A multiple of every page size that Linux has on the platforms that we support.
const PAGE: u64 = 64 << 10;

/// Why a window could not be had.
#[derive(Debug)]
pub(crate) enum WindowError {
    /// The file ends before the window does, or its disk failed.
    PagesMissing,
    /// The file cannot be read.
    Io(io::Error),
}

/// How many of the `len` bytes from `offset` one window may hold, where nothing lies beyond `end`.
pub(crate) fn clip(offset: u64, len: usize, end: u64) -> usize {
    let border = (offset / BORDER + 1).saturating_mul(BORDER);
    let room = border.min(end).saturating_sub(offset);
    len.min(usize::try_from(room).unwrap_or(usize::MAX))
}

/// Asks the kernel for the `len` bytes from `start`, the window that a reader of `file` probably wants next, so that a
/// cold disk reads them while the window before is parsed. Asking costs about a third of mapping even where the bytes
/// are in memory, so the last of them is looked for first. `end` is where the file, or what matters of it, ends.
pub(crate) fn expect_next(file: &File, start: u64, len: usize, end: u64) {
    let next_end = start.saturating_add(len as u64).min(end);
    let Some(len) = next_end.checked_sub(start).and_then(NonZeroU64::new) else { return };
    let mut last = [0];
    let found = preadv2(file, &mut [IoSliceMut::new(&mut last)], next_end - 1, ReadWriteFlags::NOWAIT);
    if found == Err(Errno::AGAIN) {
        // A hint: nothing follows from its failure.
        let _ = fadvise(file, start, Some(len), Advice::WillNeed);
    }
}

/// The bytes `offset..offset + len` of `file`, mapped where possible. `name` is what messages call the file.
pub(crate) fn take(file: &File, offset: u64, len: usize, name: &Arc<str>) -> Result<Bytes, WindowError> {
    if len == 0 {
        return Ok(Bytes::new());
    }
    let before = (offset % PAGE) as usize;
    match Mapping::new(file, offset - before as u64, before + len, name.clone()) {
        Ok(mapping) => Ok(Bytes::from_owner(mapping).slice(before..)),
        Err(MapError::PagesMissing) => Err(WindowError::PagesMissing),
        Err(MapError::NotNow(error)) => {
            tracing::debug!(%name, %error, "read instead of mapped");
            read(file, offset, len)
        }
    }
}

fn read(file: &File, offset: u64, len: usize) -> Result<Bytes, WindowError> {
    let mut bytes = vec![0; len];
    match file.read_exact_at(&mut bytes, offset) {
        Ok(()) => Ok(bytes.into()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(WindowError::PagesMissing),
        Err(error) => Err(WindowError::Io(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_end_at_borders_and_at_the_end() {
        assert_eq!(clip(0, 100, 1000), 100);
        assert_eq!(clip(950, 100, 1000), 50);
        assert_eq!(clip(1000, 100, 1000), 0);
        assert_eq!(clip(2000, 100, 1000), 0);
        assert_eq!(clip(BORDER - 10, 100, u64::MAX), 10);
        assert_eq!(clip(BORDER, usize::MAX, u64::MAX), BORDER as usize);
        assert_eq!(clip(u64::MAX - 5, 100, u64::MAX), 5);
    }

    #[test]
    fn mapping_and_reading_agree() {
        let content: Vec<u8> = (0..300_000u32).map(|i| (i * 7 % 251) as u8).collect();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        std::fs::write(&path, &content).unwrap();
        let file = File::open(&path).unwrap();
        for (offset, len) in [(0, 1), (0, 300_000), (65_535, 2), (65_536, 65_536), (299_999, 1), (70_000, 123_456)] {
            let expected = &content[offset..offset + len];
            assert_eq!(take(&file, offset as u64, len, &"data".into()).unwrap(), expected);
            assert_eq!(read(&file, offset as u64, len).unwrap(), expected);
        }
    }

    #[test]
    fn a_window_behind_the_end_is_an_error_and_no_signal() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        std::fs::write(&path, vec![1; 10_000]).unwrap();
        let file = File::open(&path).unwrap();
        assert!(matches!(take(&file, 0, 1 << 20, &"data".into()), Err(WindowError::PagesMissing)));
        assert!(matches!(read(&file, 0, 1 << 20), Err(WindowError::PagesMissing)));
    }
}
