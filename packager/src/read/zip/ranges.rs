//! Which bytes of a file belong to an entry.

use std::collections::BTreeMap;

/// Ranges that do not overlap, by their beginnings.
#[derive(Debug, Default)]
pub(super) struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Takes in `begin..end`; refuses what is in another range already, and what has no bytes.
    pub(super) fn add(&mut self, begin: u64, end: u64) -> bool {
        let before = self.0.range(..=begin).next_back();
        let after = self.0.range(begin..).next();
        let is_free = begin < end
            && before.is_none_or(|(_, before_end)| *before_end <= begin)
            && after.is_none_or(|(after_begin, _)| end <= *after_begin);
        if is_free {
            self.0.insert(begin, end);
        }
        is_free
    }

    /// Whether the first range begins at `place`.
    pub(super) fn begin_at(&self, place: u64) -> bool {
        self.0.keys().next() == Some(&place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_belongs_to_two() {
        let mut ranges = Ranges::default();
        assert!(ranges.add(10, 20) && ranges.add(20, 30) && ranges.add(0, 10));
        for (begin, end) in [(10, 20), (5, 12), (29, 40), (0, 100), (12, 13), (30, 30), (31, 30)] {
            assert!(!ranges.add(begin, end), "{begin}..{end}");
        }
        assert!(ranges.begin_at(0) && !ranges.begin_at(10));
    }
}
