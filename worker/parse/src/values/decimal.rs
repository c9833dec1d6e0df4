//! Floating point: bit for bit what the standard library reads, by a shorter way where the text is a plain decimal.

use arrow::array::types::{Float32Type, Float64Type};

use super::digits::{POWERS_OF_TEN, load, long_number, number};
use super::kind::Kind;
use super::quotient::quotient;

pub(crate) struct F64;

impl Kind for F64 {
    type Arrow = Float64Type;
    const SQL: &'static str = "DOUBLE";

    #[inline(always)]
    fn parse(tail: &[u8], len: usize) -> Option<f64> {
        parse_f64(tail, len)
    }
}

pub(crate) struct F32;

impl Kind for F32 {
    type Arrow = Float32Type;
    const SQL: &'static str = "FLOAT";

    fn parse(tail: &[u8], len: usize) -> Option<f32> {
        std::str::from_utf8(&tail[..len]).ok()?.parse().ok()
    }
}

/// Largest integer up to which every integer is a double.
const EXACT: u64 = 1 << 53;
/// 10^0 to 10^19, which all are doubles.
const EXACT_POWERS: [f64; POWERS_OF_TEN.len()] = {
    let mut powers = [0.0; POWERS_OF_TEN.len()];
    let mut exponent = 0;
    while exponent < powers.len() {
        powers[exponent] = POWERS_OF_TEN[exponent] as f64;
        exponent += 1;
    }
    powers
};
const POINTS: u64 = 0x2e2e_2e2e_2e2e_2e2e;

/// The first `len` bytes of `tail` as a double.
#[inline(always)]
pub(crate) fn parse_f64(tail: &[u8], len: usize) -> Option<f64> {
    match parse_plain(tail, len) {
        Some(value) => Some(value),
        None => parse_any(tail, len),
    }
}

/// A sign, digits and at most one point. When the digits are an exact double and the power of ten is one too, a single
/// division rounds once, as it should.
#[inline(always)]
fn parse_plain(tail: &[u8], len: usize) -> Option<f64> {
    let is_negative = tail.first() == Some(&b'-') && len > 0;
    let (digits, count) = if is_negative { (&tail[1..], len - 1) } else { (tail, len) };
    let (mantissa, decimals) = if count <= 8 { short_decimal(digits, count)? } else { long_decimal(digits, count)? };
    let magnitude = if mantissa <= EXACT {
        mantissa.cast_signed() as f64 / EXACT_POWERS[decimals]
    } else {
        quotient(mantissa, decimals)
    };
    Some(if is_negative { -magnitude } else { magnitude })
}

/// Index of the first point in `word`, 8 if there is none.
#[inline(always)]
fn point(word: u64) -> usize {
    let difference = word ^ POINTS;
    let zeros = difference.wrapping_sub(0x0101_0101_0101_0101) & !difference & 0x8080_8080_8080_8080;
    zeros.trailing_zeros() as usize / 8
}

/// Up to eight bytes: cuts the point out and reads the rest as one number, without a branch on whether there is one.
#[inline(always)]
fn short_decimal(digits: &[u8], count: usize) -> Option<(u64, usize)> {
    let word = load(digits);
    let point = point(word).min(count);
    let digit_count = count - usize::from(point < count);
    if digit_count == 0 {
        return None;
    }
    let before = 1u64.unbounded_shl(8 * point as u32).wrapping_sub(1);
    let without_point = (word & before) | (word >> 8 & !before);
    Some((number(without_point, digit_count)?, digit_count - point))
}

/// Nine bytes or more, with at most sixteen digits before the point and behind it.
#[inline(always)]
fn long_decimal(digits: &[u8], count: usize) -> Option<(u64, usize)> {
    let point = match point(load(digits)) {
        8 => (8 + point(load(&digits[8..]))).min(count),
        point => point,
    };
    // Without a point among the first sixteen, that many must be all.
    if count > point + 17 || (point == 16 && count > 16) {
        return None;
    }
    let whole = if point == 0 { 0 } else { long_number(digits, point)? };
    let Some(decimals) = count.checked_sub(point + 1).filter(|decimals| *decimals > 0) else {
        return Some((whole, 0));
    };
    let fraction = long_number(&digits[point + 1..], decimals)?;
    let mantissa = whole.checked_mul(POWERS_OF_TEN[decimals])?.checked_add(fraction)?;
    Some((mantissa, decimals))
}

/// Exponents, infinities, more digits than a double has.
#[inline(never)]
fn parse_any(tail: &[u8], len: usize) -> Option<f64> {
    std::str::from_utf8(&tail[..len]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str) {
        let bits = |value: Option<f64>| value.map(f64::to_bits);
        let expected = bits(text.parse().ok());
        let behind = format!("{text},.99999999999999999999");
        assert_eq!(bits(parse_f64(behind.as_bytes(), text.len())), expected, "{text:?}");
        assert_eq!(bits(parse_f64(text.as_bytes(), text.len())), expected, "{text:?}");
    }

    #[test]
    fn oddities() {
        for text in ["", ".", "-", "+", "-.", "5.", ".5", "-.5", "+1.5", "1.2.3", "1..2", "1e5", "1e400", "1e-400"] {
            check(text);
        }
        for text in ["inf", "-Infinity", "NaN", "nan", "-0", "-0.0", "0x10", "1_0", "1,5", " 1", "--1", "00001.50"] {
            check(text);
        }
    }

    #[test]
    fn the_edge_of_exactness() {
        for text in ["9007199254740992", "9007199254740993", "900719925474099.3", "9.007199254740993", "0.1", "0.3"] {
            check(text);
        }
        for text in ["-73.98000335693359", "40.849998474121094", "1234567.8", "12345678.9", "1.2345678", "0.12345678"] {
            check(text);
        }
        for text in ["123456789", "12345678.", "1234567890123456", "12345678901234567", "1234567890123456.5"] {
            check(text);
        }
        for text in ["123456789012345.67", "999999999999999.9999999999999999", "1234567890123456x7", "12345678x"] {
            check(text);
        }
        for text in ["9999999.9999999999999999", "0.00000000000000001", "12345678901234567890", "1844674407370955.1616"]
        {
            check(text);
        }
    }

    proptest! {
        #[test]
        fn equals_std_on_decimals(text in "[+-]?[0-9]{0,12}\\.?[0-9]{0,20}") {
            check(&text);
        }

        #[test]
        fn equals_std_on_doubles(bits in any::<u64>()) {
            check(&f64::from_bits(bits).to_string());
            check(&f64::from_bits(bits >> 2 | 0x3ff0 << 48).to_string());
        }

        #[test]
        fn equals_std_on_nonsense(text in "[0-9.eE+\\-na]{0,24}") {
            check(&text);
        }
    }
}
