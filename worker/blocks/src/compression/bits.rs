//! Bits of a bzip2 stream: blocks begin at any bit, so they are sought and copied by bits.

/// How a block begins: π.
pub(super) const BLOCK: u64 = 0x3141_5926_5359;
/// What stands behind the last block of a stream: √π.
pub(super) const END: u64 = 0x1772_4538_5090;
/// Bits of either.
pub(super) const MARK_BITS: u64 = 48;

const MARK_MASK: u64 = (1 << MARK_BITS) - 1;

/// What may stand between blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// A block begins.
    Block,
    /// The stream ends.
    End,
}

/// The first mark that begins at bit `from` of `bytes` or behind it, and lies in them as a whole.
pub(super) fn find_mark(bytes: &[u8], from: u64) -> Option<(Mark, u64)> {
    let first = usize::try_from(from / 8).ok()?;
    let mut last = 0_u64;
    for (at, byte) in bytes.iter().enumerate().skip(first) {
        last = last << 8 | u64::from(*byte);
        let end = (at as u64 + 1) * 8;
        // From left to right: the mark that ends seven bits before this byte's end comes first.
        for after in (0..8).rev() {
            let mark = mark_of(last >> after & MARK_MASK);
            let begin = (end - after).checked_sub(MARK_BITS);
            if let (Some(mark), Some(begin)) = (mark, begin.filter(|begin| *begin >= from)) {
                return Some((mark, begin));
            }
        }
    }
    None
}

/// What 48 bits mean.
pub(super) fn mark_of(bits: u64) -> Option<Mark> {
    match bits {
        BLOCK => Some(Mark::Block),
        END => Some(Mark::End),
        _ => None,
    }
}

/// `count` bits (at most 56) from bit `at`; none when `bytes` end before.
pub(super) fn take(bytes: &[u8], at: u64, count: u64) -> Option<u64> {
    let first = usize::try_from(at / 8).ok()?;
    let end = usize::try_from((at + count).div_ceil(8)).ok()?;
    let value = bytes.get(first..end)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    let behind = end as u64 * 8 - (at + count);
    Some(value >> behind & ((1 << count) - 1))
}

/// Bytes that are filled bit by bit.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    /// Bits of the last byte that are free.
    free: u64,
}

impl Writer {
    /// Begins with whole bytes.
    pub(super) fn new(bytes: &[u8]) -> Writer {
        Writer { bytes: bytes.to_vec(), free: 0 }
    }

    /// Adds `count` bits (at most 56), the highest first.
    pub(super) fn push(&mut self, value: u64, count: u64) {
        let mut left = count;
        while left > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let now = left.min(self.free);
            let bits = value >> (left - now) & ((1 << now) - 1);
            self.free -= now;
            left -= now;
            if let Some(last) = self.bytes.last_mut() {
                // Less than eight bits, moved into the free ones.
                *last |= (bits << self.free) as u8;
            }
        }
    }

    /// Adds the bits `from..to` of `bytes`, which has them.
    pub(super) fn copy(&mut self, bytes: &[u8], from: u64, to: u64) {
        let mut at = from;
        if self.free == 0 {
            let (shift, whole) = (from % 8, ((to - from) / 8) as usize);
            let first = (from / 8) as usize;
            self.bytes.reserve(whole + 16);
            if shift == 0 {
                self.bytes.extend_from_slice(&bytes[first..first + whole]);
            } else {
                let pairs = bytes[first..first + whole + 1].windows(2);
                self.bytes.extend(pairs.map(|pair| pair[0] << shift | pair[1] >> (8 - shift)));
            }
            at += whole as u64 * 8;
        }
        while at < to {
            let count = (to - at).min(8);
            self.push(take(bytes, at, count).unwrap_or(0), count);
            at += count;
        }
    }

    /// The bytes; the free bits of the last are zeros.
    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bits_of(bytes: &[u8]) -> Vec<u8> {
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect()
    }

    proptest! {
        #[test]
        fn copied_bits_are_the_same(
            bytes in prop::collection::vec(any::<u8>(), 1..40),
            head in 0..9_u64,
            range in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        ) {
            let all = bits_of(&bytes);
            let (one, other) = (range.0.index(all.len() + 1), range.1.index(all.len() + 1));
            let (from, to) = (one.min(other), one.max(other));
            let mut writer = Writer::default();
            writer.push(0b1_0110_1001, head);
            writer.copy(&bytes, from as u64, to as u64);
            writer.push(1, 1);
            let mut expected = bits_of(&0b1_0110_1001_u16.to_be_bytes())[16 - head as usize..].to_vec();
            expected.extend_from_slice(&all[from..to]);
            expected.push(1);
            expected.resize(expected.len().div_ceil(8) * 8, 0);
            prop_assert_eq!(bits_of(&writer.finish()), expected);
        }

        #[test]
        fn marks_are_found_at_any_bit(before in prop::collection::vec(any::<bool>(), 0..80), from in 0..100_u64) {
            let mut writer = Writer::default();
            for bit in &before {
                writer.push(u64::from(*bit), 1);
            }
            let first = before.len() as u64;
            writer.push(BLOCK, MARK_BITS);
            writer.push(0b101, 3);
            writer.push(END, MARK_BITS);
            let bytes = writer.finish();
            let expected = match from {
                from if from <= first => Some((Mark::Block, first)),
                from if from <= first + 51 => Some((Mark::End, first + 51)),
                _ => None,
            };
            prop_assert_eq!(find_mark(&bytes, from), expected);
            prop_assert_eq!(take(&bytes, first, MARK_BITS), Some(BLOCK));
        }
    }
}
