//! JSON's numbers: what is one, and which whole or decimal number it is.

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Digits alone.
    Whole,
    /// With a point or an exponent.
    Fraction,
    /// Like a number, but not as JSON has it: `01`, `1.`, `-`.
    Bad,
}

/// Form of the whole `text`.
#[inline]
pub(crate) fn form(text: &[u8]) -> Form {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(unsigned);
    if whole == 0 || (whole > 1 && unsigned[0] == b'0') {
        return Form::Bad;
    }
    if whole == unsigned.len() {
        return Form::Whole;
    }
    if is_fraction(&unsigned[whole..]) { Form::Fraction } else { Form::Bad }
}

/// A point and an exponent, or one of them, as JSON has them.
fn is_fraction(mut rest: &[u8]) -> bool {
    if let [b'.', decimals @ ..] = rest {
        let count = digits(decimals);
        if count == 0 {
            return false;
        }
        rest = &decimals[count..];
    }
    match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] => {
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
        _ => false,
    }
}

#[inline(always)]
fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The number that `text` spells, times 10^`scale`, if that is whole and fits; `text` is a number of JSON.
pub(crate) fn scaled(text: &[u8], scale: i32) -> Option<i128> {
    let (mantissa, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&text[..at], saturating_exponent(&text[at + 1..])),
        None => (text, 0),
    };
    let point = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    let decimals = mantissa.len().saturating_sub(point + 1);
    let digits: Vec<u8> = mantissa.iter().copied().filter(u8::is_ascii_digit).collect();
    let zeros = digits.iter().rev().take_while(|digit| **digit == b'0').count();
    let significant = &digits[..digits.len() - zeros];
    if significant.is_empty() {
        return Some(0);
    }
    let power = i64::from(scale) + exponent - decimals as i64 + zeros as i64;
    let power = u32::try_from(power).ok()?;
    let magnitude = significant
        .iter()
        .try_fold(0i128, |number, digit| number.checked_mul(10)?.checked_add(i128::from(digit - b'0')))?;
    let magnitude = magnitude.checked_mul(10i128.checked_pow(power)?)?;
    Some(if text.first() == Some(&b'-') { -magnitude } else { magnitude })
}

/// The exponent; beyond a billion any is the same.
fn saturating_exponent(text: &[u8]) -> i64 {
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let value = digits.iter().fold(0, |value: i64, digit| (value * 10 + i64::from(digit - b'0')).min(1_000_000_000));
    if is_negative { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for text in ["0", "-0", "1", "-12", "123456789012345678901234567890"] {
            assert_eq!(form(text.as_bytes()), Form::Whole, "{text}");
        }
        for text in ["0.0", "-1.50", "1e3", "1E+3", "1e-3", "1.5e10", "0e0"] {
            assert_eq!(form(text.as_bytes()), Form::Fraction, "{text}");
        }
        for text in ["", "-", "01", "-01", "1.", ".5", "1e", "1e+", "1.2.3", "+1", "1x", "1e5.0", "0x1", "--1", "1.e5"]
        {
            assert_eq!(form(text.as_bytes()), Form::Bad, "{text}");
        }
    }

    #[test]
    fn exact_numbers() {
        let check = |text: &str, scale, expected| assert_eq!(scaled(text.as_bytes(), scale), expected, "{text}");
        check("1e3", 0, Some(1000));
        check("1.0", 0, Some(1));
        check("-1.50e1", 0, Some(-15));
        check("2.5", 0, None);
        check("2.5", 1, Some(25));
        check("2.500", 1, Some(25));
        check("-0.0e999999999999", 0, Some(0));
        check("1e999999999999", 0, None);
        check("1e-999999999999", 2, None);
        check("100e-2", 0, Some(1));
        check("9223372036854775808", 0, Some(9_223_372_036_854_775_808));
        check("1e38", 0, Some(10i128.pow(38)));
        check("1e39", 0, None);
    }
}
