//! Where strings, objects and arrays end, 64 bytes at a time.

use crate::words::{Marks, Portable, Words, Work};
#[cfg(target_arch = "x86_64")]
use crate::words_x86::Avx2;

/// The implementation that this processor can run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scanner {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
}

/// The brackets of what is being passed over, and how many of them are open. Brackets of the other kind need not be
/// counted: in valid JSON they are closed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nesting {
    pub open: u8,
    pub close: u8,
    pub depth: u64,
}

impl Nesting {
    pub(crate) const OBJECT: Nesting = Nesting { open: b'{', close: b'}', depth: 1 };
    pub(crate) const ARRAY: Nesting = Nesting { open: b'[', close: b']', depth: 1 };
}

impl Scanner {
    pub(crate) fn detect() -> Scanner {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = Avx2::detected() {
            return Scanner::Avx2(avx2);
        }
        Scanner::Portable
    }

    /// Position of the quote that ends the string whose first byte is at `at`, and whether a backslash is before it.
    pub(crate) fn string_end(self, bytes: &[u8], at: usize, end: usize) -> Option<(usize, bool)> {
        self.run(StringEnd { input: Input { bytes, end }, at })
    }

    /// Position of the bracket that closes what is open at `at`, which is not inside a string.
    pub(crate) fn container_end(self, bytes: &[u8], at: usize, end: usize, nesting: Nesting) -> Option<usize> {
        self.run(ContainerEnd { input: Input { bytes, end }, at, nesting })
    }

    #[inline(always)]
    fn run<T: Work>(self, work: T) -> T::Output {
        match self {
            Scanner::Portable => work.run::<Portable>(),
            #[cfg(target_arch = "x86_64")]
            Scanner::Avx2(avx2) => avx2.run(work),
        }
    }
}

/// What may be looked at: `bytes` up to `end`.
#[derive(Clone, Copy)]
struct Input<'a> {
    bytes: &'a [u8],
    end: usize,
}

impl<'a> Input<'a> {
    /// The word at `at`, which is before the end; `padded` is room for the last one.
    #[inline(always)]
    fn word<'w>(self, at: usize, padded: &'w mut [u8; 64]) -> &'w [u8; 64]
    where
        'a: 'w,
    {
        match self.bytes.get(at..).and_then(|tail| tail.first_chunk::<64>()) {
            Some(word) => word,
            None => self.pad(at, padded),
        }
    }

    #[cold]
    fn pad(self, at: usize, padded: &mut [u8; 64]) -> &[u8; 64] {
        let rest = &self.bytes[at..self.end];
        padded[..rest.len()].copy_from_slice(rest);
        padded
    }

    /// The bytes that count of the word at `at`, which is before the end.
    #[inline(always)]
    fn valid(self, at: usize) -> u64 {
        u64::MAX >> 64usize.saturating_sub(self.end - at)
    }
}

struct StringEnd<'a> {
    input: Input<'a>,
    at: usize,
}

// What runs on words stands in loops, not in closures: only what becomes part of the caller may use its instructions.
impl Work for StringEnd<'_> {
    type Output = Option<(usize, bool)>;

    #[inline(always)]
    fn run<W: Words>(self) -> Self::Output {
        let StringEnd { input, mut at } = self;
        let mut escape = Escape::default();
        let mut has_escapes = false;
        while at < input.end {
            let mut padded = [0; 64];
            let masks = W::masks(input.word(at, &mut padded), Marks { separator: b'\\', quote: Some(b'"') });
            let valid = input.valid(at);
            let backslashes = masks.separators & valid;
            let quotes = masks.quotes & valid & !escape.escaped(backslashes);
            if quotes != 0 {
                let first = quotes.trailing_zeros();
                has_escapes |= backslashes & ((1 << first) - 1) != 0;
                return Some((at + first as usize, has_escapes));
            }
            has_escapes |= backslashes != 0;
            at += 64;
        }
        None
    }
}

struct ContainerEnd<'a> {
    input: Input<'a>,
    at: usize,
    nesting: Nesting,
}

impl Work for ContainerEnd<'_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run<W: Words>(self) -> Self::Output {
        let ContainerEnd { input, mut at, nesting: Nesting { open, close, mut depth } } = self;
        let mut escape = Escape::default();
        // All ones inside a string, else zero.
        let mut inside = 0;
        while at < input.end {
            let mut padded = [0; 64];
            let word = input.word(at, &mut padded);
            let valid = input.valid(at);
            let outer = W::masks(word, Marks { separator: open, quote: Some(b'"') });
            let inner = W::masks(word, Marks { separator: close, quote: Some(b'\\') });
            let quotes = outer.quotes & valid & !escape.escaped(inner.quotes & valid);
            let strings = W::prefix_xor(quotes) ^ inside;
            inside = (strings.cast_signed() >> 63).cast_unsigned();
            let opens = outer.separators & valid & !strings;
            let closes = inner.separators & valid & !strings;
            let closed = u64::from(closes.count_ones());
            if closed >= depth
                && let Some(bit) = closing(opens, closes, depth)
            {
                return Some(at + bit as usize);
            }
            depth = depth + u64::from(opens.count_ones()) - closed;
            at += 64;
        }
        None
    }
}

/// The bracket among `closes` that closes the outermost of `depth`, if it is there.
#[inline(always)]
fn closing(opens: u64, mut closes: u64, depth: u64) -> Option<u32> {
    let mut earlier = 0;
    while closes != 0 {
        let bit = closes.trailing_zeros();
        earlier += 1;
        if depth + u64::from((opens & ((1 << bit) - 1)).count_ones()) == earlier {
            return Some(bit);
        }
        closes &= closes - 1;
    }
    None
}

/// Which bytes are escaped by a backslash before them.
#[derive(Default)]
struct Escape {
    /// 1 if the first byte of the next word is.
    carry: u64,
}

impl Escape {
    /// A backslash escapes the next byte unless it is escaped itself: of a run of backslashes each second one is. The
    /// addition carries through the runs that begin at odd places; what it changes tells the two kinds of runs apart.
    #[inline(always)]
    fn escaped(&mut self, backslashes: u64) -> u64 {
        const EVEN: u64 = 0x5555_5555_5555_5555;
        if backslashes == 0 {
            return std::mem::take(&mut self.carry);
        }
        let backslashes = backslashes & !self.carry;
        let behind = backslashes << 1 | self.carry;
        let odd_starts = backslashes & !EVEN & !behind;
        let (sum, overflow) = odd_starts.overflowing_add(backslashes);
        self.carry = u64::from(overflow);
        (EVEN ^ (sum << 1)) & behind
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slow_string_end(bytes: &[u8], mut at: usize, end: usize) -> Option<(usize, bool)> {
        let mut has_escapes = false;
        while at < end {
            match bytes[at] {
                b'"' => return Some((at, has_escapes)),
                b'\\' => (has_escapes, at) = (true, at + 2),
                _ => at += 1,
            }
        }
        None
    }

    fn slow_container_end(bytes: &[u8], mut at: usize, end: usize, nesting: Nesting) -> Option<usize> {
        let mut depth = nesting.depth;
        while at < end {
            match bytes[at] {
                b'"' => at = slow_string_end(bytes, at + 1, end)?.0,
                // Outside strings a backslash is nothing that JSON knows; it escapes here as well.
                b'\\' if bytes.get(at + 1) == Some(&b'"') => at += 1,
                b'\\' if bytes.get(at + 1) == Some(&b'\\') => at += 1,
                byte if byte == nesting.open => depth += 1,
                byte if byte == nesting.close => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(at);
            }
            at += 1;
        }
        None
    }

    proptest! {
        #[test]
        fn equals_the_slow_way(
            bytes in prop::collection::vec(prop::sample::select(b"aaaaaaaa\\\"{}[]".to_vec()), 0..300),
            from in 0usize..8,
            cut in 0usize..80,
        ) {
            let (from, end) = (from.min(bytes.len()), bytes.len().saturating_sub(cut).max(from.min(bytes.len())));
            for scanner in [Scanner::Portable, Scanner::detect()] {
                prop_assert_eq!(scanner.string_end(&bytes, from, end), slow_string_end(&bytes, from, end));
                for nesting in [Nesting::OBJECT, Nesting { depth: 3, ..Nesting::ARRAY }] {
                    let found = scanner.container_end(&bytes, from, end, nesting);
                    prop_assert_eq!(found, slow_container_end(&bytes, from, end, nesting));
                }
            }
        }
    }
}
