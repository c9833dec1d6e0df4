//! How much an archive may become.

use super::Stop;

/// Files of at most so many bytes are written as they are; of longer ones, pieces of zeros are not written.
pub(crate) const LARGE: u64 = 1 << 20;
/// Bytes of a piece.
pub(crate) const PIECE: usize = 256 << 10;
/// So many zeros that are not written count as one byte: they take no room, but time.
const ZEROS: u64 = 64;

/// Bytes that are no reason to look at the ratio.
const NO_MATTER: u64 = 1 << 30;

/// The most that is unpacked. Of a large file, pieces of zeros take no room on disk, and hardly count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files.
    pub bytes: u64,
    /// Entries.
    pub entries: u64,
    /// Bytes for each byte of the archive, beyond the first GiB.
    pub ratio: u64,
}

impl Default for Limits {
    /// 200 GiB, ten million entries, 1 to 300.
    fn default() -> Self {
        Limits { bytes: 200 << 30, entries: 10_000_000, ratio: 300 }
    }
}

/// Counts against limits.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    packed: u64,
    bytes: u64,
    zeros: u64,
    entries: u64,
}

/// Whether there is nothing but zeros in a block.
pub(crate) fn is_zero(block: &[u8]) -> bool {
    const NOTHING: [u8; 4096] = [0; 4096];
    block.chunks(NOTHING.len()).all(|chunk| *chunk == NOTHING[..chunk.len()])
}

impl Meter {
    pub(crate) fn new(limits: &Limits, packed: u64) -> Meter {
        Meter { limits: *limits, packed, bytes: 0, zeros: 0, entries: 0 }
    }

    pub(crate) fn packed(&self) -> u64 {
        self.packed
    }

    pub(super) fn entry<E>(&mut self) -> Result<(), Stop<E>> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(Stop::Limit(format!("{} entries", self.limits.entries)));
        }
        Ok(())
    }

    /// Counts the next piece of a large file, which is not written if it is zero.
    pub(super) fn piece<E>(&mut self, piece: &[u8]) -> Result<(), Stop<E>> {
        if is_zero(piece) {
            self.zeros += piece.len() as u64;
            return self.check();
        }
        self.content(piece.len() as u64)
    }

    /// Counts bytes that are written, whatever they are.
    pub(super) fn content<E>(&mut self, bytes: u64) -> Result<(), Stop<E>> {
        self.bytes += bytes;
        self.check()
    }

    fn check<E>(&self) -> Result<(), Stop<E>> {
        let bytes = self.bytes.saturating_add(self.zeros / ZEROS);
        if bytes > self.limits.bytes {
            return Err(Stop::Limit(format!("{} bytes", self.limits.bytes)));
        }
        if bytes > NO_MATTER && bytes / self.limits.ratio.max(1) > self.packed {
            return Err(Stop::Limit(format!("{} times its length", self.limits.ratio)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_cost_less_than_bytes() {
        let limits = Limits { bytes: 1000, entries: 2, ratio: 300 };
        let mut meter = Meter::new(&limits, 10);
        meter.piece::<()>(&[1; 800]).unwrap();
        meter.piece::<()>(&[0; 6400]).unwrap();
        meter.content::<()>(100).unwrap();
        assert!(matches!(meter.piece::<()>(&[1]), Err(Stop::Limit(_))));
        meter.entry::<()>().unwrap();
        meter.entry::<()>().unwrap();
        assert!(matches!(meter.entry::<()>(), Err(Stop::Limit(_))));
    }
}
