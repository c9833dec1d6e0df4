//! Files that are too large to be held in memory by every thread: looked at once before packing begins.

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::{Relocated, Relocation};
use crate::pack::{PackError, content};
use crate::tree::{DiskFile, Entry};

/// Bytes that are searched at once.
const WINDOW: usize = 1 << 20;
/// Files that name the prefix and are larger than this stay as they are.
const MOST: u64 = 1 << 30;

/// The content of a large file.
#[derive(Debug)]
pub(crate) enum Large {
    /// As it is on disk.
    AsIs,
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
        let mut relocated =
            relocated.map_err(|reason| PackError::Interpreter { environment: file.path.clone(), reason })?;
        let changed = std::mem::take(&mut relocated.content);
        Ok((Large::Changed(changed.into()), relocated))
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
