//! What the types of fixed width have in common.

use arrow::array::ArrowPrimitiveType;

/// How one type is read.
pub(crate) trait Kind: Send {
    type Arrow: ArrowPrimitiveType;
    /// The type's name in SQL.
    const SQL: &'static str;
    /// Reads the first `len` bytes of `tail`; what follows them may be anything. Knows nothing of blanks or quotes.
    fn parse(tail: &[u8], len: usize) -> Option<<Self::Arrow as ArrowPrimitiveType>::Native>;
}
