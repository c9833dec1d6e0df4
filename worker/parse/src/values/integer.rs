//! Whole numbers: `[+-]?[0-9]+`, never rounded, never wrapped.

use arrow::array::types as arrow_types;

use super::digits::long_number;
use super::kind::Kind;

/// A sign and its digits' length.
#[inline(always)]
fn split_sign(tail: &[u8], len: usize) -> (bool, &[u8], usize) {
    match tail.first() {
        Some(b'-') if len > 0 => (true, &tail[1..], len - 1),
        Some(b'+') if len > 0 => (false, &tail[1..], len - 1),
        _ => (false, tail, len),
    }
}

/// The first `len` bytes of `tail` as a signed number.
#[inline(always)]
pub(crate) fn parse_i64(tail: &[u8], len: usize) -> Option<i64> {
    let (is_negative, digits, count) = split_sign(tail, len);
    if count > 16 || count == 0 {
        return parse_long(&tail[..len]);
    }
    let magnitude = long_number(digits, count)?.cast_signed();
    Some(if is_negative { -magnitude } else { magnitude })
}

#[inline(always)]
fn parse_u64(tail: &[u8], len: usize) -> Option<u64> {
    let (is_negative, digits, count) = split_sign(tail, len);
    if count > 16 || count == 0 || is_negative {
        return parse_long(&tail[..len]);
    }
    long_number(digits, count)
}

#[cold]
fn parse_long<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

macro_rules! integer_kind {
    ($kind:ident, $arrow:ident, $sql:literal, $parse:ident) => {
        pub(crate) struct $kind;

        impl Kind for $kind {
            type Arrow = arrow_types::$arrow;
            const SQL: &'static str = $sql;

            #[inline(always)]
            fn parse(tail: &[u8], len: usize) -> Option<<Self::Arrow as arrow::array::ArrowPrimitiveType>::Native> {
                $parse(tail, len)?.try_into().ok()
            }
        }
    };
}

integer_kind!(I8, Int8Type, "TINYINT", parse_i64);
integer_kind!(I16, Int16Type, "SMALLINT", parse_i64);
integer_kind!(I32, Int32Type, "INTEGER", parse_i64);
integer_kind!(I64, Int64Type, "BIGINT", parse_i64);
integer_kind!(U8, UInt8Type, "TINYINT UNSIGNED", parse_i64);
integer_kind!(U16, UInt16Type, "SMALLINT UNSIGNED", parse_i64);
integer_kind!(U32, UInt32Type, "INTEGER UNSIGNED", parse_i64);
integer_kind!(U64, UInt64Type, "BIGINT UNSIGNED", parse_u64);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str) {
        let behind = format!("{text},99999999999999999999");
        assert_eq!(parse_i64(behind.as_bytes(), text.len()), text.parse().ok(), "{text:?}");
        assert_eq!(parse_u64(behind.as_bytes(), text.len()), text.parse().ok(), "{text:?}");
        assert_eq!(parse_i64(text.as_bytes(), text.len()), text.parse().ok(), "{text:?}");
    }

    #[test]
    fn limits_and_oddities() {
        for text in ["", "+", "-", "0", "-0", "+1", "007", "1_000", "1.0", "0x10", " 1", "1 ", "٣", "--1", "+-1"] {
            check(text);
        }
        for text in ["9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809"] {
            check(text);
        }
        for text in ["18446744073709551615", "18446744073709551616", "00000000000000000000001", "12345678901234567"] {
            check(text);
        }
        assert_eq!(I8::parse(b"-128", 4), Some(-128));
        assert_eq!(I8::parse(b"128", 3), None);
        assert_eq!(U8::parse(b"-1", 2), None);
    }

    proptest! {
        #[test]
        fn equals_std(text in "[+-]?[0-9]{0,21}[a.]?") {
            check(&text);
        }
    }
}
