//! The grammar of one record as a byte-wise state machine: the reference that the word-wise tokenizer must equal, and
//! what it falls back to where quotes stand in unquoted fields.
//!
//! ```text
//!            quote                     quote
//! Start ──────────────▶ Quoted ◀───────────────▶ Closed ── separator, line end ──▶ Start
//!   │  other                                        │ other
//!   ▼                                               ▼
//! Plain ── separator, line end ──▶ Start          error
//! ```
//!
//! A line end is `\n`, `\r\n`, or the end of the file. A quote in `Plain` is an ordinary byte.

use crate::words::Marks;

/// What the machine made of the bytes from a record's start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The record ends before `end` (where its newline or the end of the file is); the next one starts at `next`.
    Complete { end: usize, next: usize },
    /// The record goes on behind the block.
    Incomplete {
        /// Where the quote was opened that is open at the end of the block.
        opened: Option<usize>,
    },
    /// Text follows a closing quote.
    TextAfterQuote { at: usize },
}

#[derive(Clone, Copy)]
enum State {
    Start,
    Plain,
    Quoted { opened: usize },
    Closed { opened: usize },
}

/// Runs over the record that starts at `start`, reports each separator's position, stops at its end.
pub(crate) fn run(block: &[u8], start: usize, at_eof: bool, marks: Marks, mut separator: impl FnMut(usize)) -> Step {
    let mut state = State::Start;
    for (at, &byte) in block.iter().enumerate().skip(start) {
        let is_quote = marks.quote == Some(byte);
        state = match state {
            State::Quoted { opened } if is_quote => State::Closed { opened },
            State::Quoted { opened } => State::Quoted { opened },
            State::Closed { opened } if is_quote => State::Quoted { opened },
            State::Start if is_quote => State::Quoted { opened: at },
            State::Start | State::Plain | State::Closed { .. } if byte == b'\n' => {
                return Step::Complete { end: at, next: at + 1 };
            }
            State::Start | State::Plain | State::Closed { .. } if byte == marks.separator => {
                separator(at);
                State::Start
            }
            State::Start | State::Plain => State::Plain,
            State::Closed { opened } if ends_line(block, at) => State::Closed { opened },
            State::Closed { .. } => return Step::TextAfterQuote { at },
        };
    }
    match state {
        State::Quoted { opened } => Step::Incomplete { opened: Some(opened) },
        State::Start | State::Plain | State::Closed { .. } if at_eof => {
            Step::Complete { end: block.len(), next: block.len() }
        }
        State::Start | State::Plain | State::Closed { .. } => Step::Incomplete { opened: None },
    }
}

/// The byte at `at` is a carriage return that belongs to a line end, as far as the block shows.
pub(crate) fn ends_line(block: &[u8], at: usize) -> bool {
    block[at] == b'\r' && block.get(at + 1).is_none_or(|next| *next == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, at_eof: bool, expected: Step, separators: &[usize]) {
        let mut found = Vec::new();
        let marks = Marks { separator: b',', quote: Some(b'"') };
        assert_eq!(run(text.as_bytes(), 0, at_eof, marks, |at| found.push(at)), expected, "{text:?}");
        assert_eq!(found, separators, "{text:?}");
    }

    #[test]
    fn plain_records() {
        check("a,b\nc", false, Step::Complete { end: 3, next: 4 }, &[1]);
        check("a,b", false, Step::Incomplete { opened: None }, &[1]);
        check("a,b", true, Step::Complete { end: 3, next: 3 }, &[1]);
        check("5\" pipe,b\n", false, Step::Complete { end: 9, next: 10 }, &[7]);
        check(" \"a,b\"\n", false, Step::Complete { end: 6, next: 7 }, &[3]);
    }

    #[test]
    fn quoted_records() {
        check("\"a,\"\"\n\",b\n", false, Step::Complete { end: 9, next: 10 }, &[7]);
        check("\"a\"\r\n", false, Step::Complete { end: 4, next: 5 }, &[]);
        check("\"a\"\r", false, Step::Incomplete { opened: None }, &[]);
        check("b,\"a\"\"", false, Step::Incomplete { opened: Some(2) }, &[1]);
        check("\"a\"b\n", false, Step::TextAfterQuote { at: 3 }, &[]);
        check("\"a\"\rb\n", false, Step::TextAfterQuote { at: 3 }, &[]);
    }
}
