//! What the tokenizer must know of a file and a projection: how many fields a record has, and which of the borders
//! between fields are worth remembering.

use crate::csv::CsvOptions;
use crate::csv::machine::Grammar;

/// The form of a file's records as a query sees them.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub grammar: Grammar,
    /// Fields of every record.
    pub columns: usize,
    pub max_record_bytes: usize,
    /// What a comment line begins with; empty: there are none.
    pub comment: Vec<u8>,
    /// Fields may be missing at a record's end.
    pub allow_short: bool,
    /// A separator may end a record. Its ordinal is kept then, and the last but one, before the sentinel.
    pub allow_trailing: bool,
    /// Separators of a record that needs no second look.
    pub regular: u32,
    /// Ordinals of the separators whose positions are kept, ascending, then a sentinel beyond all.
    pub kept: Vec<u32>,
}

/// Where a projected column's field lies: indices into a record's row of kept positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pick {
    pub left: usize,
    pub right: usize,
    /// The left position is a separator, so that the field starts one byte after it.
    pub after_separator: bool,
    /// The field ends the record, so that a carriage return at its end belongs to the line end.
    pub ends_record: bool,
}

impl Shape {
    /// The shape of a file with `columns` columns of which `projection` is wanted.
    pub(crate) fn new(options: &CsvOptions, columns: usize, projection: &[usize]) -> Shape {
        let mut kept: Vec<u32> = Vec::new();
        for &column in projection {
            if column > 0 {
                kept.push(column as u32 - 1);
            }
            if column + 1 < columns {
                kept.push(column as u32);
            }
        }
        if options.allow_trailing_sep {
            kept.push(columns as u32 - 1);
        }
        kept.sort_unstable();
        kept.dedup();
        kept.push(u32::MAX);
        let comment = options.comment.as_deref().and_then(|prefix| options.encoding.encode(prefix)).unwrap_or_default();
        let mut shape = Shape {
            grammar: Grammar::new(options),
            columns,
            max_record_bytes: options.max_record_bytes,
            comment,
            allow_short: options.allow_short_rows,
            allow_trailing: options.allow_trailing_sep,
            regular: u32::MAX,
            kept,
        };
        // Where a record has one field only, an empty line must be told from it.
        if columns > 1 && shape.comment.is_empty() && !shape.is_lenient() {
            shape.regular = columns as u32 - 1;
        }
        shape
    }

    /// Records may have another number of fields than the file has columns.
    pub(crate) fn is_lenient(&self) -> bool {
        self.allow_short || self.allow_trailing
    }

    /// The bytes at the start of a line make it a comment.
    #[inline]
    pub(crate) fn is_comment(&self, line: &[u8]) -> bool {
        !self.comment.is_empty() && line.starts_with(&self.comment)
    }

    /// Positions that are kept of each record: its start, the kept separators, its end.
    pub(crate) fn stride(&self) -> usize {
        self.kept.len() + 1
    }

    /// Where to find the field of `column`, which is part of the projection.
    pub(crate) fn pick(&self, column: usize) -> Pick {
        let index_of = |separator: usize| 1 + self.kept.partition_point(|kept| (*kept as usize) < separator);
        let ends_record = column + 1 == self.columns;
        Pick {
            left: if column == 0 { 0 } else { index_of(column - 1) },
            right: if ends_record { self.stride() - 1 } else { index_of(column) },
            after_separator: column > 0,
            // The tokenizer has taken the carriage return off where records may end early.
            ends_record: ends_record && !self.is_lenient(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_separator() {
        let shape = Shape::new(&CsvOptions::default(), 5, &[3, 0, 2]);
        assert_eq!(shape.kept, [0, 1, 2, 3, u32::MAX]);
        assert_eq!(shape.stride(), 6);
        assert_eq!(shape.pick(0), Pick { left: 0, right: 1, after_separator: false, ends_record: false });
        assert_eq!(shape.pick(3), Pick { left: 3, right: 4, after_separator: true, ends_record: false });
    }

    #[test]
    fn the_last_column_ends_the_record() {
        let shape = Shape::new(&CsvOptions::default(), 5, &[4]);
        assert_eq!(shape.kept, [3, u32::MAX]);
        assert_eq!(shape.pick(4), Pick { left: 1, right: 2, after_separator: true, ends_record: true });
    }

    #[test]
    fn counting_keeps_no_separator() {
        assert_eq!(Shape::new(&CsvOptions::default(), 5, &[]).stride(), 2);
        assert_eq!(Shape::new(&CsvOptions::default(), 1, &[0]).stride(), 2);
    }
}
