//! The states of a reader between two bytes, and what a byte does to them. This is [`crate::csv::machine`] for bytes of
//! which nobody knows where their record began, with comments and the rest of bad records.

use crate::csv::CsvOptions;
use crate::csv::machine::Grammar;

/// Before a line.
pub(super) const LINE: u8 = 0;
/// Before a field, but not before a line.
pub(super) const START: u8 = 1;
/// In an unquoted field.
pub(super) const PLAIN: u8 = 2;
/// In quotes.
pub(super) const QUOTED: u8 = 3;
/// Behind a quote that may have closed.
const CLOSED: u8 = 4;
/// Behind a carriage return that follows a closing quote.
const RETURN: u8 = 5;
/// In a comment, or in a bad record whose rest is passed over.
pub(super) const DISCARD: u8 = 6;
/// Behind an escape in an unquoted field.
const PLAIN_ESCAPE: u8 = 7;
/// Behind an escape in quotes.
const QUOTED_ESCAPE: u8 = 8;
/// Behind the first byte of a comment's prefix; behind the second, and so on.
const PREFIX: u8 = 9;

/// What decides a state's successor.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub grammar: Grammar,
    pub comment: Vec<u8>,
}

impl Rules {
    pub(super) fn new(options: &CsvOptions) -> Rules {
        let comment = options.comment.as_deref().and_then(|prefix| options.encoding.encode(prefix)).unwrap_or_default();
        Rules { grammar: Grammar::new(options), comment }
    }

    /// Number of states.
    pub(super) fn states(&self) -> u8 {
        // `CsvOptions::check` bounds the prefix.
        PREFIX + self.comment.len().saturating_sub(1) as u8
    }

    /// The state behind `byte`.
    pub(super) fn step(&self, state: u8, byte: u8) -> u8 {
        let is_quote = self.grammar.marks.quote == Some(byte);
        let is_escape = self.grammar.escape == Some(byte);
        match state {
            LINE if self.comment.first() == Some(&byte) => self.in_prefix(1),
            LINE | START if is_escape => PLAIN_ESCAPE,
            LINE | START if is_quote => QUOTED,
            LINE | START if self.grammar.is_skipped(byte) => START,
            LINE | START | PLAIN => self.plain(byte, is_escape),
            QUOTED if is_escape => QUOTED_ESCAPE,
            QUOTED if is_quote => CLOSED,
            QUOTED | QUOTED_ESCAPE => QUOTED,
            CLOSED if is_quote => QUOTED,
            CLOSED if byte == b'\n' => LINE,
            CLOSED if byte == self.grammar.marks.separator => START,
            CLOSED if byte == b'\r' => RETURN,
            RETURN | DISCARD if byte == b'\n' => LINE,
            CLOSED | RETURN | DISCARD => DISCARD,
            PLAIN_ESCAPE => PLAIN,
            prefix => {
                let passed = usize::from(prefix - PREFIX) + 1;
                if self.comment.get(passed) == Some(&byte) {
                    self.in_prefix(passed + 1)
                } else {
                    self.plain(byte, is_escape)
                }
            }
        }
    }

    fn plain(&self, byte: u8, is_escape: bool) -> u8 {
        match byte {
            _ if is_escape => PLAIN_ESCAPE,
            b'\n' => LINE,
            byte if byte == self.grammar.marks.separator => START,
            _ => PLAIN,
        }
    }

    /// Behind so many bytes of a comment's prefix.
    fn in_prefix(&self, passed: usize) -> u8 {
        if passed == self.comment.len() { DISCARD } else { PREFIX + passed as u8 - 1 }
    }
}
