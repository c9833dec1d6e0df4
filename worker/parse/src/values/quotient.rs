//! A whole number divided by a power of ten, rounded to the nearest double once.

use super::digits::POWERS_OF_TEN;

/// `dividend` / 10^`decimals`, exactly rounded; `decimals` is less than 20.
///
/// The quotient is computed as an integer of 62 or 63 bits and a remainder. That there is a remainder stands in the lowest
/// bit, far below those that a double keeps: the conversion then rounds as the exact quotient would, ties included.
#[inline(never)]
pub(super) fn quotient(dividend: u64, decimals: usize) -> f64 {
    if dividend == 0 {
        return 0.0;
    }
    let divisor = POWERS_OF_TEN[decimals];
    // Both with their highest bit set, so that the quotient of this dividend's upper half fits a word.
    let (up, down) = (dividend.leading_zeros(), divisor.leading_zeros());
    let (dividend, divisor) = (u128::from(dividend << up) << 62, u128::from(divisor << down));
    let whole = dividend / divisor;
    let bits = whole as i64 | i64::from(whole * divisor != dividend);
    // From 2^-125 to 2^1: no double of this range is subnormal.
    let exponent = down.cast_signed() - up.cast_signed() - 62;
    bits as f64 * f64::from_bits(u64::from((1023 + exponent).cast_unsigned()) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(dividend: u64, decimals: usize) {
        let expected: f64 = format!("{dividend}e-{decimals}").parse().unwrap();
        assert_eq!(quotient(dividend, decimals).to_bits(), expected.to_bits(), "{dividend}e-{decimals}");
    }

    #[test]
    fn edges() {
        for decimals in 0..20 {
            for dividend in [0, 1, 2, 5, 9, 10, u64::MAX, u64::MAX - 1, 1 << 53, (1 << 53) + 1, (1 << 63) + 1] {
                check(dividend, decimals);
            }
        }
    }

    /// Halfway between two doubles, and next to it.
    #[test]
    fn ties() {
        for (odd, decimals) in [(0u64, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2), (0, 3), (1, 3)] {
            let between = ((1 << 53) + odd) * 2 + 1;
            let dividend = between * POWERS_OF_TEN[decimals] / (1 << (3 * decimals));
            for near in dividend.saturating_sub(2)..dividend + 2 {
                check(near, decimals);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn equals_std(dividend: u64, shift in 0u32..64, decimals in 0usize..20) {
            check(dividend >> shift, decimals);
        }
    }
}
