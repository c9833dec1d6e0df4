//! What the types of fixed width have in common.

use arrow::array::ArrowPrimitiveType;

use super::strptime::Format;

/// How one type is read.
pub(crate) trait Kind: Send {
    type Arrow: ArrowPrimitiveType;
    /// The type's name in SQL.
    const SQL: &'static str;
    /// Reads the first `len` bytes of `tail`; what follows them may be anything. Knows nothing of blanks or quotes.
    fn parse(tail: &[u8], len: usize) -> Option<<Self::Arrow as ArrowPrimitiveType>::Native>;
}

/// A date or a timestamp, which may be written in a format of its own.
pub(crate) trait Moment: Kind {
    /// Reads `text`, which is written in `format`.
    fn parse_as(format: &Format, text: &[u8]) -> Option<<Self::Arrow as ArrowPrimitiveType>::Native>;
}
