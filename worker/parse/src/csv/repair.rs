//! What can be read of a bad record: its good fields, with nothing in place of the others.

use std::ops::Range;

use crate::csv::machine::{self, Step};
use crate::csv::shape::Shape;
use crate::csv::tokenizer::Rows;

/// A record that has the right number of fields, in a block of its own.
pub(crate) struct Repaired {
    pub block: Vec<u8>,
    pub rows: Rows,
}

/// Repairs `record`, which comes without its newline: fields that cannot be read and missing ones are empty, fields
/// beyond the last column are gone.
pub(crate) fn repair(shape: &Shape, record: &[u8]) -> Repaired {
    let mut fields = fields(shape, record);
    // The carriage return of the line end.
    if let Some(last) = fields.last_mut().filter(|last| last.start < last.end && last.end == record.len()) {
        last.end -= usize::from(record.ends_with(b"\r"));
    }
    fields.resize(shape.columns, 0..0);
    let mut block = Vec::with_capacity(record.len() + shape.columns);
    let mut separators = Vec::new();
    for (index, field) in fields.into_iter().enumerate() {
        if index > 0 {
            separators.push(block.len() as u32);
            block.push(shape.grammar.marks.separator);
        }
        block.extend_from_slice(&record[field]);
    }
    // What looks like a line end's carriage return must be one, or a field might lose its last byte.
    if !shape.is_lenient() {
        block.push(b'\r');
    }
    let end = block.len() as u32;
    let (_, kept) = shape.kept.split_last().expect("the sentinel at least");
    let kept = kept.iter().map(|ordinal| separators.get(*ordinal as usize).copied().unwrap_or(end));
    let positions = std::iter::once(0).chain(kept).chain([end]).collect();
    Repaired { block, rows: Rows::one(positions) }
}

/// The fields as far as each can be read; an empty range where it cannot.
fn fields(shape: &Shape, record: &[u8]) -> Vec<Range<usize>> {
    let mut fields = Vec::new();
    let mut start = 0;
    loop {
        let mut at = start;
        let step = machine::run(record, start, true, &shape.grammar, |separator| {
            fields.push(at..separator);
            at = separator + 1;
        });
        match step {
            Step::Complete { end, .. } => {
                fields.push(at..end);
                return fields;
            }
            Step::Incomplete { .. } => {
                fields.push(0..0);
                return fields;
            }
            Step::TextAfterQuote { at } => {
                fields.push(0..0);
                match memchr::memchr(shape.grammar.marks.separator, &record[at..]) {
                    Some(separator) => start = at + separator + 1,
                    None => return fields,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv::CsvOptions;

    fn check(record: &str, expected: &str) {
        let shape = Shape::new(&CsvOptions::default(), 3, &[0, 1, 2]);
        let repaired = repair(&shape, record.as_bytes());
        assert_eq!(String::from_utf8_lossy(&repaired.block), format!("{expected}\r"), "{record:?}");
        let separators = memchr::memchr_iter(b',', &repaired.block).map(|at| at as u32);
        assert_eq!(repaired.rows.positions.len(), shape.stride());
        if !expected.contains('"') {
            assert_eq!(repaired.rows.positions[1..3], separators.collect::<Vec<_>>(), "{record:?}");
        }
    }

    #[test]
    fn good_fields_stay() {
        check("a", "a,,");
        check("a,b\r", "a,b,");
        check("a,b,c,d", "a,b,c");
        check("a,\"b\"x,c", "a,,c");
        check("\"a\"x", ",,");
        check("\"a\"x,\"b,c\",d,e", ",\"b,c\",d");
        check("\"a\"x,b,\"c", ",b,");
        check("a\r,\"b\nc\"x,d", "a\r,,d");
        check("a,\"b\"x,\"c\"\r", "a,,\"c\"");
        check("a,\"b\"\r\r", "a,,");
    }
}
