//! Files that are too large to be held in memory by every thread: looked at once before packing begins.

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::{Relocated, Relocation};
use crate::failure::PackError;
use crate::tree::{DiskFile, Entry, content};

/// Bytes that are searched at once.
const WINDOW: usize = 1 << 20;
/// Files that name the prefix and are larger than this stay as they are.
const MOST: u64 = 1 << 30;

/// The content of a large file.
#[derive(Debug)]
pub(crate) enum Large {
    /// As it is on disk.
    AsIs,
    /// Of the same length, with other bytes in some places: the offset and the bytes of each, in order.
    Patched(Vec<(u64, Vec<u8>)>),
    /// Something else.
    Changed(Arc<[u8]>),
}

impl Relocation {
    /// What the content of the large file `entry` will be, and what is to be noted of it.
    pub(crate) fn large(&self, entry: &Entry, file: &DiskFile) -> Result<(Large, Relocated), PackError> {
        let nothing = Relocated::same(Vec::new());
        let is_interpreter = self.interpreter.as_deref() == Some(&entry.path);
        if file.stamp.size > MOST || !(is_interpreter || self.is_in_file(file)?) {
            return Ok((Large::AsIs, nothing));
        }
        let relocated = self.apply(entry, content::whole(file)?);
        let failed = |reason| PackError::Relocate { path: entry.path.clone(), reason };
        let mut relocated = relocated.map_err(failed)?;
        let changed = std::mem::take(&mut relocated.content);
        if changed.len() as u64 != file.stamp.size {
            return Ok((Large::Changed(changed.into()), relocated));
        }
        Ok((Large::Patched(patches(file, &changed)?), relocated))
    }

    fn is_in_file(&self, file: &DiskFile) -> Result<bool, PackError> {
        let opened = content::open(file)?;
        let overlap = self.prefixes.longest() + 1;
        let mut buffer = vec![0; WINDOW + overlap];
        let mut start = 0;
        while start < file.stamp.size {
            let length = buffer.len().min((file.stamp.size - start) as usize);
            let read = opened.read_exact_at(&mut buffer[..length], start);
            read.map_err(|source| PackError::read(&file.path, source))?;
            if self.prefixes.is_in(&buffer[..length]) {
                return Ok(true);
            }
            start += WINDOW as u64;
        }
        Ok(false)
    }
}

/// Where `changed` differs from the file.
fn patches(file: &DiskFile, changed: &[u8]) -> Result<Vec<(u64, Vec<u8>)>, PackError> {
    /// Bytes that are replaced together.
    const STEP: usize = 4096;
    let mut patches = Vec::new();
    for (number, window) in changed.chunks(WINDOW).enumerate() {
        let start = (number * WINDOW) as u64;
        let old = content::range(file, start..start + window.len() as u64)?;
        let steps = window.chunks(STEP).zip(old.chunks(STEP)).enumerate();
        let other = steps.filter(|(_, (new, old))| new != old);
        patches.extend(other.map(|(step, (new, _))| (start + (step * STEP) as u64, new.to_vec())));
    }
    Ok(patches)
}

/// Replaces what of `window`, which begins at `start` of a file, is in `patches`.
pub(crate) fn patch(window: &mut [u8], start: u64, patches: &[(u64, Vec<u8>)]) {
    let end = start + window.len() as u64;
    for (offset, bytes) in patches {
        let (from, to) = ((*offset).max(start), (offset + bytes.len() as u64).min(end));
        if from < to {
            let new = &bytes[(from - offset) as usize..(to - offset) as usize];
            window[(from - start) as usize..(to - start) as usize].copy_from_slice(new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_reach_across_windows() {
        let patches = [(3, b"abc".to_vec()), (10, b"x".to_vec())];
        let mut file = vec![b'.'; 12];
        for (number, window) in file.chunks_mut(5).enumerate() {
            patch(window, 5 * number as u64, &patches);
        }
        assert_eq!(file, b"...abc....x.");
    }
}
