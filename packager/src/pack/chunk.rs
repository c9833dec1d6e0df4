//! Where an archive is cut into pieces that are compressed independently of each other.
//!
//! The cuts depend on paths and, coarsely, on sizes, never on the number of threads: the same environment gives the same
//! bytes. After a package has changed, the cuts soon fall where they fell before, so that the other pieces can be used
//! again.

use std::ops::Range;

use crate::tree::{Entry, bytes};

/// Files of at least so many bytes are cut into windows; the content of smaller ones is in memory as a whole.
pub(crate) const LARGE: u64 = 2 << 20;

/// Sizes count in such steps, so that a script that names its own directory weighs the same wherever that is.
const STEP: u64 = 32 << 10;

/// How large pieces are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cutting {
    /// A piece is cut after one of so many small files, on average, or after so many steps of bytes; after three times
    /// as many for certain, so that no piece needs much memory.
    pub(crate) one_in: u64,
    /// Bytes of a large file in a piece.
    pub(crate) window: u64,
}

/// One piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// Whole entries.
    Run(Range<usize>),
    /// Bytes of a large file.
    Window {
        /// The entry.
        entry: usize,
        /// Its bytes.
        range: Range<u64>,
        /// Length of the whole content.
        size: u64,
    },
}

impl Chunk {
    /// Bytes of content on disk, roughly, for showing how far things are.
    pub(crate) fn weight(&self, entries: &[Entry]) -> u64 {
        match self {
            Chunk::Run(run) => entries[run.clone()].iter().map(Entry::size).sum(),
            Chunk::Window { range, .. } => range.end - range.start,
        }
    }
}

/// Cuts `entries`; `large` says how long the content of a large file will be in the archive, which may differ from
/// what it is on disk.
pub(crate) fn cut(entries: &[Entry], cutting: Cutting, large: impl Fn(usize) -> Option<u64>) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let (mut start, mut steps) = (0, 0);
    let close = |chunks: &mut Vec<Chunk>, range: Range<usize>| {
        if !range.is_empty() {
            chunks.push(Chunk::Run(range));
        }
    };
    for (index, entry) in entries.iter().enumerate() {
        let weight = 1 + entry.size() / STEP;
        steps += weight;
        if let Some(size) = large(index) {
            close(&mut chunks, start..index);
            windows(&mut chunks, index, size, cutting.window);
        } else if hash(bytes(&entry.path)) % cutting.one_in < weight || steps >= 3 * cutting.one_in {
            close(&mut chunks, start..index + 1);
        } else {
            continue;
        }
        (start, steps) = (index + 1, 0);
    }
    close(&mut chunks, start..entries.len());
    chunks
}

fn windows(chunks: &mut Vec<Chunk>, entry: usize, size: u64, window: u64) {
    let mut start = 0;
    while start < size || start == 0 {
        let end = size.min(start + window);
        chunks.push(Chunk::Window { entry, range: start..end, size });
        if end == size {
            return;
        }
        start = end;
    }
}

/// FNV-1a with a final mix: it needs to be the same for ever, not strong.
fn hash(bytes: &[u8]) -> u64 {
    let sum = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    (sum ^ (sum >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(names: impl Iterator<Item = usize>) -> Vec<Entry> {
        names.map(|name| Entry::made(format!("lib/file{name:05}"), 0o644, vec![0; name % 5000])).collect()
    }

    const CUTTING: Cutting = Cutting { one_in: 16, window: 1000 };

    #[test]
    fn every_entry_is_in_one_piece() {
        let entries = entries(0..3000);
        let large = |index: usize| (index % 1000 == 7).then_some(if index == 7 { 0 } else { 2500 });
        let mut next = 0;
        for chunk in cut(&entries, CUTTING, large) {
            match chunk {
                Chunk::Run(run) => {
                    assert_eq!(run.start, next);
                    next = run.end;
                }
                Chunk::Window { entry, range, size } => {
                    assert_eq!(entry, next);
                    if range.end == size {
                        next += 1;
                    }
                }
            }
        }
        assert_eq!(next, entries.len());
    }

    #[test]
    fn pieces_come_back_after_a_change() {
        let names = |chunks: Vec<Chunk>, entries: &[Entry]| -> std::collections::BTreeSet<Vec<std::path::PathBuf>> {
            let runs = chunks.into_iter().map(|chunk| match chunk {
                Chunk::Run(run) => entries[run].iter().map(|entry| entry.path.clone()).collect(),
                Chunk::Window { .. } => Vec::new(),
            });
            runs.collect()
        };
        let before = entries(0..3000);
        let after = entries((0..3000).filter(|name| !(1000..1040).contains(name)));
        let old = names(cut(&before, CUTTING, |_| None), &before);
        let new = names(cut(&after, CUTTING, |_| None), &after);
        assert!(new.difference(&old).count() <= 3, "{} pieces, {} new", new.len(), new.difference(&old).count());
        assert!(old.len() > 100);
    }
}
