//! Eight decimal digits at a time.

const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The first eight bytes of `tail`, first byte lowest; zeros where there are fewer.
#[inline(always)]
pub(super) fn load(tail: &[u8]) -> u64 {
    match tail.first_chunk::<8>() {
        Some(word) => u64::from_le_bytes(*word),
        None => load_short(tail),
    }
}

#[cold]
fn load_short(tail: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..tail.len()].copy_from_slice(tail);
    u64::from_le_bytes(word)
}

/// The number that the lowest `len` bytes of `word` spell, if they are digits; 1 <= `len` <= 8.
#[inline(always)]
pub(super) fn number(word: u64, len: usize) -> Option<u64> {
    let digits = (word ^ ZEROS) << (64 - 8 * len);
    let too_high = (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080;
    if too_high != 0 {
        return None;
    }
    let pairs = digits * 10 + (digits >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let high = (pairs >> 16 & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    Some(low.wrapping_add(high) >> 32)
}

/// The number that the first `len` bytes of `tail` spell, if they are digits; 1 <= `len` <= 16.
#[inline(always)]
pub(super) fn long_number(tail: &[u8], len: usize) -> Option<u64> {
    if len <= 8 {
        return number(load(tail), len);
    }
    let high = number(load(tail), 8)?;
    let low = number(load(&tail[8..]), len - 8)?;
    Some(high * POWERS_OF_TEN[len - 8] + low)
}

/// 10^0 to 10^19.
pub(super) const POWERS_OF_TEN: [u64; 20] = {
    let mut powers = [1; 20];
    let mut exponent = 1;
    while exponent < 20 {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_and_digit() {
        for len in 1..=8 {
            let text = &"12345678"[..len];
            assert_eq!(number(load(text.as_bytes()), len), text.parse().ok(), "{text}");
        }
        assert_eq!(number(load(b"99999999"), 8), Some(99_999_999));
        assert_eq!(long_number(b"9007199254740993,", 16), Some(9_007_199_254_740_993));
    }

    #[test]
    fn only_digits() {
        for byte in 0..=255 {
            for position in 0..8 {
                let mut text = *b"11111111";
                text[position] = byte;
                assert_eq!(number(load(&text), 8).is_some(), byte.is_ascii_digit(), "{byte} at {position}");
            }
        }
    }
}
