//! What is wrong with a record that the tokenizer refuses, and where reading goes on.
//!
//! A record that goes on behind [`crate::csv::CsvOptions::max_record_bytes`] is judged by so many bytes of it and one
//! more, however many have been fed, so that the verdict does not depend on how a file is cut into pieces.

use crate::Reason;
use crate::csv::machine::{self, Step};
use crate::csv::shape::Shape;

/// A bad record; positions are in the block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadRecord {
    pub reason: Reason,
    /// Its bytes end here, without the newline.
    pub end: usize,
    /// The line at which reading goes on; `None`: behind the first newline that follows the block.
    pub next: Option<usize>,
    /// It can be read in part.
    pub is_readable: bool,
}

/// Where the record lies that is judged.
#[derive(Clone, Copy)]
pub(crate) struct Docket<'a> {
    pub block: &'a [u8],
    pub start: usize,
    /// Offset of the block in the file.
    pub offset: u64,
    pub at_eof: bool,
}

/// Judges a record that cannot be taken as it is; `None`: more bytes must be seen first.
pub(crate) fn judge(shape: &Shape, docket: Docket<'_>) -> Option<BadRecord> {
    let Docket { block, start, offset, at_eof } = docket;
    let limit = start + shape.max_record_bytes + 1;
    let seen = &block[..block.len().min(limit)];
    let is_whole = at_eof && seen.len() == block.len();
    let mut found = 1;
    let step = machine::run(seen, start, is_whole, &shape.grammar, |_| found += 1);
    let (reason, from) = match step {
        Step::Complete { end, next } if end - start <= shape.max_record_bytes => {
            let reason = Reason::FieldCount { expected: shape.columns, found };
            return Some(BadRecord { reason, end, next: Some(next), is_readable: true });
        }
        Step::TextAfterQuote { at } => (Reason::TextAfterQuote { at: offset + at as u64 }, at),
        Step::Complete { .. } | Step::Incomplete { opened: None } if seen.len() == limit => {
            (Reason::TooLong { limit: shape.max_record_bytes }, limit)
        }
        Step::Incomplete { opened: Some(opened) } if seen.len() == limit => {
            (Reason::UnterminatedQuote { opened: offset + opened as u64 }, limit)
        }
        Step::Incomplete { opened: Some(opened) } if at_eof => {
            let lost = (block.len() - start) as u64;
            let reason = Reason::LostTail { opened: offset + opened as u64, lost };
            return Some(BadRecord { reason, end: block.len(), next: Some(block.len()), is_readable: false });
        }
        Step::Complete { .. } | Step::Incomplete { .. } => return None,
    };
    let line_end = memchr::memchr(b'\n', &block[from..]).map(|newline| from + newline);
    let end = line_end.unwrap_or(block.len()).min(limit);
    let next = line_end.map(|newline| newline + 1).or(at_eof.then_some(block.len()));
    let is_readable = from < limit && next.is_some() && end < limit;
    Some(BadRecord { reason, end, next, is_readable })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv::CsvOptions;

    fn check(text: &str, at_eof: bool, expected: Option<(&str, usize, Option<usize>, bool)>) {
        let options = CsvOptions { max_record_bytes: 10, ..CsvOptions::default() };
        let shape = Shape::new(&options, 2, &[]);
        let docket = Docket { block: text.as_bytes(), start: 0, offset: 100, at_eof };
        let found = judge(&shape, docket).map(|bad| (bad.reason.kind(), bad.end, bad.next, bad.is_readable));
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn verdicts() {
        check("a\nb,c\n", false, Some(("field count", 1, Some(2), true)));
        check("\"a\"b,c\nd\n", false, Some(("text after quote", 6, Some(7), true)));
        check("\"a\"b,c", false, Some(("text after quote", 6, None, false)));
        check("\"a\"b,c", true, Some(("text after quote", 6, Some(6), true)));
        check("\"a\nb", true, Some(("unterminated quote", 4, Some(4), false)));
        check("\"a\nb", false, None);
        check("a", false, None);
    }

    #[test]
    fn what_is_too_long_ends_at_the_first_newline_behind_the_limit() {
        check("0123456789a\nb\n", false, Some(("too long", 11, Some(12), false)));
        check("0123456789abc", false, Some(("too long", 11, None, false)));
        check("0123456789a", true, Some(("too long", 11, Some(11), false)));
        check("\"1\n3\n5\n7\n9\nb\"\nc\n", false, Some(("unterminated quote", 11, Some(14), false)));
        check("\"1\n3\n5\n\"x01234\n", false, Some(("text after quote", 11, Some(15), false)));
    }
}
