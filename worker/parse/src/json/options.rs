//! How a JSON file is written, how strictly it is read, and where the limits are.

mod formats;

use std::collections::BTreeMap;

use crate::OnBad;
use crate::values::FormatError;

/// What the bytes of a JSON file look like, and how values become columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonOptions {
    /// How records follow each other.
    pub format: Format,
    /// What becomes of records that cannot be read. Under [`OnBad::Null`] a value that cannot be read is NULL, and a
    /// record that is not a JSON object at all is a row of NULLs; a record whose NULLs a column forbids, or that is
    /// longer than `max_record_bytes`, is left out. All are counted.
    pub on_bad: OnBad,
    /// Every byte of every record is checked: syntax, UTF-8, duplicate keys, depth. Otherwise a record must begin with
    /// `{` and end with `}`, and what lies between is looked at only as far as the wanted values make necessary.
    pub strict: bool,
    /// Numbers and truth values may be written as strings: `"1"` is read as 1.
    pub coerce_strings: bool,
    /// `NaN`, `Infinity` and `-Infinity` are numbers of floating-point columns.
    pub allow_nan: bool,
    /// What is not UTF-8 and halves of surrogate pairs are replaced by U+FFFD instead of being bad values.
    pub lossy: bool,
    /// How dates or timestamps are written that are not in ISO 8601's order, in the directives of `strptime` (see
    /// [`crate::csv::ColumnOptions::format`]), by the path of their column: `created_at`, `payload.commits[].date`,
    /// `builds.*` for the values of a map.
    pub formats: BTreeMap<String, String>,
    /// Longest record.
    pub max_record_bytes: usize,
    /// Deepest nesting of the columns' types, which may be 256 at most, and, if `strict`, of every record. What is passed
    /// over or kept as JSON text may be nested as deep as it likes.
    pub max_depth: usize,
}

/// How records follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One object a line. Empty lines are passed over.
    #[default]
    Lines,
    /// One array of objects, or objects one after the other, over as many lines as they like. Such a file cannot be
    /// cut: all records belong to the split that starts at 0, whatever its end.
    Array,
}

impl Default for JsonOptions {
    fn default() -> Self {
        JsonOptions {
            format: Format::Lines,
            on_bad: OnBad::Fail,
            strict: false,
            coerce_strings: false,
            allow_nan: false,
            lossy: false,
            formats: BTreeMap::new(),
            max_record_bytes: 16 << 20,
            max_depth: 1024,
        }
    }
}

/// Options that make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// A record needs room.
    #[error("max_record_bytes must be between 2 and 1073741824, not {0}")]
    RecordLimit(usize),
    /// Nesting needs a limit.
    #[error("max_depth must be between 1 and 1024, not {0}")]
    Depth(usize),
    /// A format of dates that cannot be read.
    #[error("format of column {column}")]
    Format {
        /// The column.
        column: String,
        /// What is wrong.
        #[source]
        source: FormatError,
    },
    /// A format of a column that is not there.
    #[error("column {0} has a format but the file has no such column; correct the name, or leave it out")]
    NoSuchColumn(String),
    /// A format of a column that is neither a date nor a timestamp.
    #[error(
        "column {column} has a format but its type is {data_type}; declare it as DATE or TIMESTAMP, or leave out the \
         format"
    )]
    FormatOfOtherType {
        /// The column.
        column: String,
        /// Its type.
        data_type: String,
    },
}

/// Upper limit of [`JsonOptions::max_record_bytes`]: positions in a block and offsets in lists are 32 bits wide.
const MAX_RECORD_LIMIT: usize = 1 << 30;
/// Upper limit of [`JsonOptions::max_depth`].
const MAX_DEPTH: usize = 1024;
/// Deepest nesting of types: columns are walked by recursion, here and in arrow, on threads with two megabytes of stack.
const MAX_COLUMN_DEPTH: usize = 256;

impl JsonOptions {
    /// Deepest nesting of a column's type.
    pub(crate) fn column_depth(&self) -> usize {
        self.max_depth.min(MAX_COLUMN_DEPTH)
    }

    /// Checks what the types do not: [`crate::json::JsonDecoder`] and [`crate::json::infer`] expect options that pass.
    ///
    /// # Errors
    /// The first option that makes no sense.
    pub fn check(&self) -> Result<(), OptionsError> {
        if !(2..=MAX_RECORD_LIMIT).contains(&self.max_record_bytes) {
            return Err(OptionsError::RecordLimit(self.max_record_bytes));
        }
        if !(1..=MAX_DEPTH).contains(&self.max_depth) {
            return Err(OptionsError::Depth(self.max_depth));
        }
        self.check_formats()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_checked() {
        let default = JsonOptions::default();
        assert_eq!(default.check(), Ok(()));
        let record = JsonOptions { max_record_bytes: 1, ..default.clone() };
        assert_eq!(record.check(), Err(OptionsError::RecordLimit(1)));
        let depth = JsonOptions { max_depth: 1025, ..default };
        assert_eq!(depth.check(), Err(OptionsError::Depth(1025)));
    }
}
