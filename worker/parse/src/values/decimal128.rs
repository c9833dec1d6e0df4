//! Decimals of a fixed number of digits: exact or not at all.

/// What a `DECIMAL(precision, scale)` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    precision: u8,
    scale: u8,
}

/// Most digits of a 128-bit decimal.
const MAX_PRECISION: u8 = 38;

impl Decimal {
    /// The type, if it is one that numbers can be read into.
    pub(crate) fn new(precision: u8, scale: i8) -> Option<Decimal> {
        let scale = u8::try_from(scale).ok()?;
        (precision <= MAX_PRECISION && scale <= precision).then_some(Decimal { precision, scale })
    }

    /// `text` times ten to the power of the scale: a sign, digits, at most one point. Nothing is rounded: more digits
    /// behind the point than the scale, or before it than fit, are no value.
    pub(crate) fn parse(self, text: &[u8]) -> Option<i128> {
        let (is_negative, digits) = match text {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] => (false, digits),
            digits => (false, digits),
        };
        let (whole, fraction) = match memchr::memchr(b'.', digits) {
            Some(point) => (&digits[..point], &digits[point + 1..]),
            None => (digits, [].as_slice()),
        };
        let missing = usize::from(self.scale).checked_sub(fraction.len())?;
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let limit = 10u128.pow(u32::from(self.precision));
        let zeros = std::iter::repeat_n(&b'0', missing);
        let mut magnitude = 0u128;
        for digit in whole.iter().chain(fraction).chain(zeros) {
            if !digit.is_ascii_digit() {
                return None;
            }
            magnitude = magnitude * 10 + u128::from(digit - b'0');
            if magnitude >= limit {
                return None;
            }
        }
        let magnitude = magnitude.cast_signed();
        Some(if is_negative { -magnitude } else { magnitude })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<i128>) {
        assert_eq!(Decimal::new(5, 2).unwrap().parse(text.as_bytes()), expected, "{text:?}");
    }

    #[test]
    fn exact_values() {
        check("0", Some(0));
        check("1", Some(100));
        check("-1.5", Some(-150));
        check("+1.05", Some(105));
        check(".5", Some(50));
        check("5.", Some(500));
        check("999.99", Some(99_999));
        check("-000999.99", Some(-99_999));
    }

    #[test]
    fn nothing_is_rounded_or_wrapped() {
        for text in ["", ".", "-", "1000", "999.999", "1.000", "1e2", "1,5", "1.2.3", "x", "--1", "1_0", " 1"] {
            check(text, None);
        }
        check(&"9".repeat(60), None);
    }

    #[test]
    fn all_digits_of_the_widest() {
        let text = "9".repeat(38);
        assert_eq!(Decimal::new(38, 0).unwrap().parse(text.as_bytes()), text.parse().ok());
        assert_eq!(
            Decimal::new(38, 38).unwrap().parse(format!("-.{text}").as_bytes()),
            format!("-{text}").parse().ok()
        );
        assert_eq!(Decimal::new(38, -1), None);
        assert_eq!(Decimal::new(39, 0), None);
    }
}
