//! The operations on 64-byte words that the tokenizer is built from, in portable form. `words_x86` has the fast ones.

/// One bit a byte of a 64-byte word, lowest bit first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Masks {
    pub separators: u64,
    pub newlines: u64,
    pub quotes: u64,
}

/// The bytes that have a meaning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    pub separator: u8,
    /// `None`: nothing quotes.
    pub quote: Option<u8>,
}

/// Operations on words; an implementation is chosen once, by what the processor can.
pub(crate) trait Words {
    /// Where the marks are.
    fn masks(word: &[u8; 64], marks: Marks) -> Masks;
    /// Where `byte` is.
    fn find(word: &[u8; 64], byte: u8) -> u64;
    /// Bit i of the result is the parity of bits 0..=i.
    fn prefix_xor(bits: u64) -> u64;
    /// Index of the n-th set bit; `bits` has more than n.
    fn select(bits: u64, n: u32) -> u32;
    /// Asks for the bytes that come some words behind `word`, before they are wanted: a scan is quicker than what
    /// processors do by themselves, which ends with each page. Does nothing where there is no such hint.
    fn prefetch(word: &[u8; 64]) {
        let _ = word;
    }
}

/// Work that is compiled once for each implementation.
pub(crate) trait Work {
    type Output;
    /// Does it. Must be `#[inline(always)]`, so that it becomes part of a function that may use the instructions.
    fn run<W: Words>(self) -> Self::Output;
}

/// Works everywhere.
pub(crate) struct Portable;

impl Words for Portable {
    #[inline(always)]
    fn masks(word: &[u8; 64], marks: Marks) -> Masks {
        let find = |byte: u8| Self::find(word, byte);
        Masks { separators: find(marks.separator), newlines: find(b'\n'), quotes: marks.quote.map_or(0, find) }
    }

    #[inline(always)]
    fn find(word: &[u8; 64], byte: u8) -> u64 {
        let mut bits = 0;
        for (index, found) in word.iter().enumerate() {
            bits |= u64::from(*found == byte) << index;
        }
        bits
    }

    #[inline(always)]
    fn prefix_xor(mut bits: u64) -> u64 {
        for shift in [1, 2, 4, 8, 16, 32] {
            bits ^= bits << shift;
        }
        bits
    }

    #[inline(always)]
    fn select(mut bits: u64, n: u32) -> u32 {
        for _ in 0..n {
            bits &= bits.wrapping_sub(1);
        }
        bits.trailing_zeros()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What every implementation must do on `word`.
    pub(crate) struct Check<'a> {
        pub word: &'a [u8; 64],
        pub quote: Option<u8>,
    }

    impl Work for Check<'_> {
        type Output = ();

        #[inline(always)]
        fn run<W: Words>(self) {
            let bit = |byte: Option<u8>| {
                let found = self.word.iter().enumerate().filter(|(_, found)| Some(**found) == byte);
                found.map(|(index, _)| 1 << index).sum::<u64>()
            };
            let masks = W::masks(self.word, Marks { separator: b',', quote: self.quote });
            let expected = Masks { separators: bit(Some(b',')), newlines: bit(Some(b'\n')), quotes: bit(self.quote) };
            assert_eq!(masks, expected);
            assert_eq!(W::find(self.word, b'a'), bit(Some(b'a')));
            let parity = W::prefix_xor(masks.quotes);
            for index in 0..64 {
                let expected = (masks.quotes & (u64::MAX >> (63 - index))).count_ones() & 1;
                assert_eq!((parity >> index) as u32 & 1, expected);
            }
            let positions: Vec<u32> = (0..64).filter(|index| masks.separators >> index & 1 == 1).collect();
            for (n, position) in positions.iter().enumerate() {
                assert_eq!(W::select(masks.separators, n as u32), *position);
            }
        }
    }

    proptest! {
        #[test]
        fn portable_words(word in prop::collection::vec(prop::sample::select(b"a,\n\"".to_vec()), 64)) {
            let word: [u8; 64] = word.try_into().unwrap();
            Check { word: &word, quote: Some(b'"') }.run::<Portable>();
            Check { word: &word, quote: None }.run::<Portable>();
        }
    }
}
