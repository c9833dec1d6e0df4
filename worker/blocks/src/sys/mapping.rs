//! A read-only mapping of a part of a file.

use std::fs::File;
use std::io;
use std::ptr::{self, NonNull};
use std::sync::{Arc, OnceLock};

use rustix::io::Errno;
use rustix::mm::{self, Advice, MapFlags, ProtFlags};

use super::bus::Registered;

/// Why a part of a file is not mapped.
#[derive(Debug)]
pub(crate) enum MapError {
    /// The kernel could not bring the pages in: the file ends before them, or its disk failed.
    PagesMissing,
    /// The registry of windows is full, or mapping is not possible: read the file instead.
    NotNow(io::Error),
}

/// A part of a file in memory. Unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    address: NonNull<u8>,
    len: usize,
    /// Field order matters: `Drop` below unmaps first, then the fields go; until then a fault is ours to explain.
    _registered: Registered,
}

// SAFETY: the mapping is private to this value, read-only, and unmapped by its owner only.
unsafe impl Send for Mapping {}
// SAFETY: as above; all access is by shared reference.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` > 0 bytes of `file` from `offset`, a multiple of the page size, and brings the pages in, so that a
    /// missing one is an error here and not a signal later. `name` is what a message calls the file.
    pub(crate) fn new(file: &File, offset: u64, len: usize, name: Arc<str>) -> Result<Mapping, MapError> {
        if !brings_in() {
            return Err(MapError::NotNow(io::Error::other(
                "this kernel brings no mapped pages in when asked (before 5.14)",
            )));
        }
        // SAFETY: a new mapping at an address of the kernel's choice aliases nothing. Its bytes can change only if
        // somebody writes the file: replicas that are finalised are never written again, and for a local file a
        // change while it is read is caught by length and time, or gives bytes that are wrong but in bounds.
        let address = unsafe { mm::mmap(ptr::null_mut(), len, ProtFlags::READ, MapFlags::PRIVATE, file, offset) }
            .map_err(|error| MapError::NotNow(error.into()))?;
        let start = address as usize;
        let (Some(address), Some(registered)) =
            (NonNull::new(address.cast::<u8>()), Registered::new(start, start.saturating_add(len), name))
        else {
            // SAFETY: the range is the one just mapped, and nobody has a reference into it.
            let _ = unsafe { mm::munmap(address, len) };
            return Err(MapError::NotNow(io::Error::other("too many windows are mapped")));
        };
        let mapping = Mapping { address, len, _registered: registered };
        mapping.bring_in()?;
        Ok(mapping)
    }

    fn bring_in(&self) -> Result<(), MapError> {
        // SAFETY: the range is this mapping; populating it for reading changes no byte.
        outcome(unsafe { mm::madvise(self.address.as_ptr().cast(), self.len, Advice::LinuxPopulateRead) })
    }
}

/// What the kernel's answer means. No page is in unless it says so: one that is touched then may raise a signal.
fn outcome(advised: Result<(), Errno>) -> Result<(), MapError> {
    match advised {
        Ok(()) => Ok(()),
        Err(Errno::FAULT | Errno::HWPOISON | Errno::IO) => Err(MapError::PagesMissing),
        Err(other) => Err(MapError::NotNow(other.into())),
    }
}

/// Whether this kernel knows the advice to bring pages in, found out once on memory of our own.
fn brings_in() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        // One page: the kernel rounds up.
        let len = 1;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice aliases nothing.
        let mapped = unsafe { mm::mmap_anonymous(ptr::null_mut(), len, ProtFlags::READ, MapFlags::PRIVATE) };
        let Ok(address) = mapped else { return false };
        // SAFETY: the range is the one just mapped; nobody has a reference into it when it is unmapped.
        unsafe {
            let known = mm::madvise(address, len, Advice::LinuxPopulateRead).is_ok();
            let _ = mm::munmap(address, len);
            known
        }
    })
}

impl AsRef<[u8]> for Mapping {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the range is mapped and readable for as long as `self` lives; see `new` for who could change it.
        unsafe { std::slice::from_raw_parts(self.address.as_ptr(), self.len) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is the one that `new` mapped, and no reference outlives `self`.
        let _ = unsafe { mm::munmap(self.address.as_ptr().cast(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_handed_out_that_was_not_brought_in() {
        assert!(outcome(Ok(())).is_ok());
        assert!(matches!(outcome(Err(Errno::FAULT)), Err(MapError::PagesMissing)));
        // A kernel that does not know the advice has brought nothing in.
        assert!(matches!(outcome(Err(Errno::INVAL)), Err(MapError::NotNow(_))));
    }

    #[test]
    fn this_kernel_is_asked_once() {
        assert_eq!(brings_in(), brings_in());
    }
}
