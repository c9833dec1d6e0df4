//! The end of an element that is too long to be kept: looked for byte by byte, over as many pieces as it takes.

use crate::json::scan::Nesting;

/// What is being passed over, and how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rest {
    kind: Kind,
    /// The next byte is escaped.
    escaped: bool,
    /// The next byte is in a string.
    inside: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Brackets of this kind are open.
    Container(Nesting),
    Text,
    Scalar,
}

impl Rest {
    /// An element that begins with `byte`, which is not passed yet.
    pub(super) fn new(byte: u8) -> Rest {
        let kind = match byte {
            b'{' => Kind::Container(Nesting { depth: 0, ..Nesting::OBJECT }),
            b'[' => Kind::Container(Nesting { depth: 0, ..Nesting::ARRAY }),
            b'"' => Kind::Text,
            _ => Kind::Scalar,
        };
        Rest { kind, escaped: false, inside: false }
    }

    /// Passes over `bytes`; how many of them are the element's, if it ends there.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.kind == Kind::Scalar {
            return bytes.iter().position(|byte| ends_scalar(*byte));
        }
        let last = bytes.iter().position(|byte| self.ends_with(*byte))?;
        Some(last + 1)
    }

    /// Passes over a byte; true if it is the element's last.
    fn ends_with(&mut self, byte: u8) -> bool {
        // What a backslash escapes is a quote or another backslash: brackets count behind one, where it is no JSON.
        let escaped = std::mem::take(&mut self.escaped);
        match byte {
            b'\\' => self.escaped = !escaped,
            b'"' if !escaped => {
                self.inside = !self.inside;
                return self.kind == Kind::Text && !self.inside;
            }
            _ => {}
        }
        match &mut self.kind {
            Kind::Container(Nesting { open, close, depth }) if !self.inside => {
                if byte == *open {
                    *depth += 1;
                } else if byte == *close {
                    *depth -= 1;
                    return *depth == 0;
                }
                false
            }
            Kind::Container(_) | Kind::Text | Kind::Scalar => false,
        }
    }
}

/// What follows a number or a word.
pub(super) fn ends_scalar(byte: u8) -> bool {
    matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::scan::Scanner;
    use proptest::prelude::*;

    fn pass(element: &[u8], piece: usize) -> Option<usize> {
        let mut rest = Rest::new(element[0]);
        let mut passed = 0;
        for piece in element.chunks(piece) {
            match rest.pass(piece) {
                Some(count) => return Some(passed + count),
                None => passed += piece.len(),
            }
        }
        None
    }

    #[test]
    fn scalars_end_before_what_follows() {
        assert_eq!(pass(b"12345,", 2), Some(5));
        assert_eq!(pass(b"12345", 2), None);
    }

    proptest! {
        #[test]
        fn ends_where_the_scanner_finds_it(
            bytes in prop::collection::vec(prop::sample::select(b"aaaa\\\"{}[]".to_vec()), 0..100),
            piece in 1usize..20,
        ) {
            let scanner = Scanner::detect();
            for (first, nesting) in [(b'{', Nesting::OBJECT), (b'[', Nesting::ARRAY)] {
                let element = [&[first], &bytes[..]].concat();
                let end = scanner.container_end(&element, 1, element.len(), nesting);
                prop_assert_eq!(pass(&element, piece), end.map(|end| end + 1));
            }
            let text = [b"\"", &bytes[..]].concat();
            let end = scanner.string_end(&text, 1, text.len());
            prop_assert_eq!(pass(&text, piece), end.map(|(end, _)| end + 1));
        }
    }
}
