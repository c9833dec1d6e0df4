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
//! A line end is `\n`, `\r\n`, or the end of the file. A quote in `Plain` is an ordinary byte. The byte behind an escape
//! is an ordinary byte in `Start`, `Plain` and `Quoted`. Where blanks before fields are skipped, they leave `Start` as
//! it is.

use crate::csv::CsvOptions;
use crate::words::Marks;

/// The bytes that have a meaning, and which.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grammar {
    pub marks: Marks,
    pub escape: Option<u8>,
    /// Blanks before a field are no part of it.
    pub skip_blanks: bool,
}

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

impl Grammar {
    pub(crate) fn new(options: &CsvOptions) -> Grammar {
        Grammar {
            marks: Marks { separator: options.separator, quote: options.quote },
            escape: options.escape,
            skip_blanks: options.skip_initial_space,
        }
    }

    /// The byte is a blank that leaves the start of a field where it is.
    pub(crate) fn is_skipped(&self, byte: u8) -> bool {
        self.skip_blanks && byte != self.marks.separator && matches!(byte, b' ' | b'\t')
    }
}

/// Runs over the record that starts at `start`, reports each separator's position, stops at its end.
pub(crate) fn run(
    block: &[u8],
    start: usize,
    at_eof: bool,
    grammar: &Grammar,
    mut separator: impl FnMut(usize),
) -> Step {
    let mut state = State::Start;
    let mut is_escaped = false;
    for (at, &byte) in block.iter().enumerate().skip(start) {
        if std::mem::take(&mut is_escaped) {
            continue;
        }
        let is_quote = grammar.marks.quote == Some(byte);
        let is_escape = grammar.escape == Some(byte);
        state = match state {
            State::Quoted { opened } if is_escape => {
                is_escaped = true;
                State::Quoted { opened }
            }
            State::Start | State::Plain if is_escape => {
                is_escaped = true;
                State::Plain
            }
            State::Quoted { opened } if is_quote => State::Closed { opened },
            State::Quoted { opened } => State::Quoted { opened },
            State::Closed { opened } if is_quote => State::Quoted { opened },
            State::Start if is_quote => State::Quoted { opened: at },
            State::Start | State::Plain | State::Closed { .. } if byte == b'\n' => {
                return Step::Complete { end: at, next: at + 1 };
            }
            State::Start | State::Plain | State::Closed { .. } if byte == grammar.marks.separator => {
                separator(at);
                State::Start
            }
            State::Start if grammar.is_skipped(byte) => State::Start,
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

    fn check_with(grammar: Grammar, text: &str, at_eof: bool, expected: Step, separators: &[usize]) {
        let mut found = Vec::new();
        assert_eq!(run(text.as_bytes(), 0, at_eof, &grammar, |at| found.push(at)), expected, "{text:?}");
        assert_eq!(found, separators, "{text:?}");
    }

    fn check(text: &str, at_eof: bool, expected: Step, separators: &[usize]) {
        check_with(Grammar::new(&CsvOptions::default()), text, at_eof, expected, separators);
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

    #[test]
    fn escapes() {
        let grammar = Grammar::new(&CsvOptions { escape: Some(b'\\'), ..CsvOptions::default() });
        let check = |text, expected, separators: &[usize]| check_with(grammar, text, false, expected, separators);
        check("a\\,b,c\\\nd\n", Step::Complete { end: 9, next: 10 }, &[4]);
        check("\\\"a,b\n", Step::Complete { end: 5, next: 6 }, &[3]);
        check("\"a\\\",\"\n", Step::Complete { end: 6, next: 7 }, &[]);
        check("\"a\\\\\",b\n", Step::Complete { end: 7, next: 8 }, &[5]);
        check("\"a\"\\,\n", Step::TextAfterQuote { at: 3 }, &[]);
        check("a\\", Step::Incomplete { opened: None }, &[]);
    }

    #[test]
    fn blanks_before_quotes() {
        let grammar = Grammar::new(&CsvOptions { skip_initial_space: true, ..CsvOptions::default() });
        check_with(grammar, "a, \t\"b,c\"\n", false, Step::Complete { end: 9, next: 10 }, &[1]);
        check_with(grammar, " \"a,b\"\n", false, Step::Complete { end: 6, next: 7 }, &[]);
        check_with(grammar, "a, b\"c\n", false, Step::Complete { end: 6, next: 7 }, &[1]);
    }
}
