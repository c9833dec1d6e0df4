//! What can be wrong with the bytes of a file, said so that the reader finds the place and knows the way out.

use std::fmt;

/// A record that cannot be read.
///
/// An error of a split with `start > 0` is certain only when the borders up to [`crate::Borders::first_record`] fit
/// together: if the split really starts inside quotes, the error may be an artefact and the file must be read as one
/// split before anybody is blamed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record at byte {offset} ({line}){}: {reason}", column_part(column))]
pub struct RecordError {
    /// Offset of the record in the file.
    pub offset: u64,
    /// Line on which the record starts.
    pub line: Line,
    /// Column, when the error is about one.
    pub column: Option<String>,
    /// What is wrong.
    pub reason: Reason,
}

/// A line number, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Line of the file.
    OfFile(u64),
    /// Line counted from the first record of a split that does not start at the file's start.
    OfSplit(u64),
}

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Too many or too few fields.
    #[error("{found} fields where {expected} are expected; quote fields that hold the separator, or correct the line")]
    FieldCount {
        /// Number of columns of the file.
        expected: usize,
        /// Number of fields of the record.
        found: usize,
    },
    /// A quoted field goes on after its closing quote.
    #[error(
        "text after the closing quote at byte {at}; double the quotes inside a quoted field, or switch quoting off"
    )]
    TextAfterQuote {
        /// Offset in the file of the first byte after the closing quote.
        at: u64,
    },
    /// A quoted field that does not end.
    #[error("the quote opened at byte {opened} is never closed; close it, or switch quoting off")]
    UnterminatedQuote {
        /// Offset in the file of the opening quote.
        opened: u64,
    },
    /// A quoted field that does not end, in a scan that goes on all the same.
    #[error(
        "the quote opened at byte {opened} is never closed, so that the last {lost} bytes of the file cannot be read; \
         close it, or switch quoting off"
    )]
    LostTail {
        /// Offset in the file of the opening quote.
        opened: u64,
        /// Bytes from the record's start to the file's end.
        lost: u64,
    },
    /// A record that is longer than the limit.
    #[error("longer than max_record_bytes = {limit}; raise the limit if such records are right")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// A text that is not a value of the column's type.
    #[error("{value} is not a {sql_type}; correct it, name it as a null token, or declare the column as VARCHAR")]
    BadValue {
        /// The text, quoted and shortened.
        value: String,
        /// SQL name of the column's type.
        sql_type: &'static str,
    },
    /// A text that is not UTF-8.
    #[error("{value} is not UTF-8; convert the file to UTF-8")]
    NotUtf8 {
        /// The text, escaped and shortened.
        value: String,
    },
    /// NULL in a column that forbids it.
    #[error("NULL in a column that is declared NOT NULL; declare it nullable, or fill the field")]
    UnexpectedNull,
    /// A type that CSV fields cannot be read into.
    #[error("columns of type {0} cannot be read from CSV; declare the column as VARCHAR and cast it in the query")]
    UnsupportedType(String),
    /// The header line does not begin in the first split.
    #[error(
        "only lines to skip before byte {end}, where a header is expected; remove them, or use a larger split size"
    )]
    NoHeader {
        /// End of the first split.
        end: u64,
    },
    /// A record that is not a JSON object.
    #[error("not valid JSON at byte {at}: {what}; correct the record")]
    Malformed {
        /// Offset in the file.
        at: u64,
        /// What was expected, or what is wrong.
        what: &'static str,
    },
    /// A file whose records are not one a line.
    #[error("the file begins with {found}, not with one object a line; read it with format = array")]
    NotLines {
        /// What it begins with.
        found: &'static str,
    },
    /// Columns or records that are nested too deep.
    #[error("nested deeper than max_depth = {limit}; raise the limit, or declare the column as VARCHAR")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A key that an object has twice.
    #[error("the key {key} occurs twice in an object; remove one, or read without strict (the first is taken then)")]
    DuplicateKey {
        /// The key, quoted and shortened.
        key: String,
    },
    /// A JSON value that is not one of the column's type.
    #[error("{value} is not a {sql_type}; correct it, or declare the column as VARCHAR, which keeps what is written")]
    BadJsonValue {
        /// The value as it is written, quoted and shortened.
        value: String,
        /// SQL name of the column's type.
        sql_type: &'static str,
    },
    /// A string that no encoding of Unicode has.
    #[error("{value} holds half of a surrogate pair; correct it, or let such halves be replaced (lossy)")]
    LoneSurrogate {
        /// The string as it is written, quoted and shortened.
        value: String,
    },
    /// A type that JSON values cannot be read into.
    #[error("columns of type {0} cannot be read from JSON; declare the column as VARCHAR and cast it in the query")]
    NoJsonType(String),
    /// The condition of a filter cannot be computed.
    #[error("the filter cannot be computed: {0}")]
    Filter(String),
    /// The caller fed other bytes than were wanted.
    #[error("bytes from {got} were fed where those from {wanted} are wanted")]
    OutOfOrder {
        /// What [`crate::Decoder::wants`] asked for.
        wanted: u64,
        /// What was fed.
        got: u64,
    },
}

impl Reason {
    /// A short name of what is wrong, for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            Reason::FieldCount { .. } => "field count",
            Reason::TextAfterQuote { .. } => "text after quote",
            Reason::UnterminatedQuote { .. } | Reason::LostTail { .. } => "unterminated quote",
            Reason::TooLong { .. } => "too long",
            Reason::BadValue { .. } => "bad value",
            Reason::NotUtf8 { .. } => "not UTF-8",
            Reason::UnexpectedNull => "unexpected null",
            Reason::UnsupportedType(_) => "unsupported type",
            Reason::NoHeader { .. } => "no header",
            Reason::Malformed { .. } => "malformed",
            Reason::NotLines { .. } => "not JSON lines",
            Reason::TooDeep { .. } => "too deep",
            Reason::DuplicateKey { .. } => "duplicate key",
            Reason::BadJsonValue { .. } => "bad value",
            Reason::LoneSurrogate { .. } => "lone surrogate",
            Reason::NoJsonType(_) => "unsupported type",
            Reason::Filter(_) => "filter",
            Reason::OutOfOrder { .. } => "out of order",
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Line::OfFile(line) => write!(f, "line {line}"),
            Line::OfSplit(line) => write!(f, "line {line} of its split"),
        }
    }
}

/// The part of the message that names the column, if there is one.
fn column_part(column: &Option<String>) -> String {
    column.as_ref().map(|name| format!(", column {name}")).unwrap_or_default()
}
