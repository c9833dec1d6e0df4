//! How much an archive may become.

use super::Stop;

/// Bytes that are no reason to look at the ratio.
const NO_MATTER: u64 = 1 << 30;

/// The most that is unpacked. Blocks of zeros take no room on disk and do not count for `bytes` and `ratio`.
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

    /// Counts the next bytes of a file.
    pub(super) fn content<E>(&mut self, block: &[u8]) -> Result<(), Stop<E>> {
        if block.iter().all(|byte| *byte == 0) {
            self.zeros += block.len() as u64;
        } else {
            self.bytes += block.len() as u64;
        }
        // Nothing is written for zeros, but they take time.
        if self.bytes > self.limits.bytes || self.zeros / 64 > self.limits.bytes {
            return Err(Stop::Limit(format!("{} bytes", self.limits.bytes)));
        }
        if self.bytes > NO_MATTER && self.bytes / self.limits.ratio.max(1) > self.packed {
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
        meter.content::<()>(&[1; 1000]).unwrap();
        meter.content::<()>(&[0; 5000]).unwrap();
        assert!(matches!(meter.content::<()>(&[1]), Err(Stop::Limit(_))));
        meter.entry::<()>().unwrap();
        meter.entry::<()>().unwrap();
        assert!(matches!(meter.entry::<()>(), Err(Stop::Limit(_))));
    }
}
