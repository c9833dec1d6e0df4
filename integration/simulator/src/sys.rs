//! An allocator that counts what some part of a program keeps: the memory of the scheduler's core, in a simulation.
//!
//! Blocks that go in (an event) or come out (an action) must be made and freed inside, too; else they are counted on one of
//! both sides only.
#![allow(unsafe_code, reason = "an allocator is asked for raw memory, and hands it on")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

static INSIDE: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

/// The system's allocator, counting while [`Counting::inside`] runs. For programs whose other threads are idle meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Counting;

impl Counting {
    /// Counts what `work` allocates, and takes off what it frees.
    pub fn inside<T>(work: impl FnOnce() -> T) -> T {
        let before = INSIDE.swap(true, Relaxed);
        let value = work();
        INSIDE.store(before, Relaxed);
        value
    }

    /// Begins again at nothing.
    pub fn reset() {
        LIVE.store(0, Relaxed);
        PEAK.store(0, Relaxed);
    }

    /// The most bytes that were counted at once. Nothing where this is not the program's allocator.
    pub fn peak() -> u64 {
        PEAK.load(Relaxed).try_into().unwrap_or(0)
    }

    fn count(bytes: i64) {
        if INSIDE.load(Relaxed) {
            let live = LIVE.fetch_add(bytes, Relaxed) + bytes;
            if live > PEAK.load(Relaxed) {
                PEAK.store(live, Relaxed);
            }
        }
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

// SAFETY: every call is the system allocator's; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Counting::count(signed(layout.size()));
        // SAFETY: the caller keeps `GlobalAlloc`'s contract, which is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        Counting::count(-signed(layout.size()));
        // SAFETY: as above; the block came from the system allocator.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Counting::count(signed(size) - signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }
}
