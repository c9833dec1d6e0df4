//! TFile's variable-length integers: a third kind, neither protobuf's nor those of token files.
//!
//! The first byte chooses: -32 and above is the value; then two, three and four bytes whose first also holds the
//! value's upper bits, biased; -128 to -125 and up to -121 announce four to eight bytes that follow.

use std::io::{self, Read};

/// Reads one integer.
pub(super) fn read_number(from: &mut impl Read) -> io::Result<i64> {
    let first = read_bytes::<1>(from)?[0].cast_signed();
    match first {
        -32.. => Ok(first.into()),
        -72..=-33 => Ok(biased(first, 52, &read_bytes::<1>(from)?)),
        -104..=-73 => Ok(biased(first, 88, &read_bytes::<2>(from)?)),
        -120..=-105 => Ok(biased(first, 112, &read_bytes::<3>(from)?)),
        -125 => Ok(signed(&read_bytes::<4>(from)?)),
        -124 => Ok(signed(&read_bytes::<5>(from)?)),
        -123 => Ok(signed(&read_bytes::<6>(from)?)),
        -122 => Ok(signed(&read_bytes::<7>(from)?)),
        -121 => Ok(signed(&read_bytes::<8>(from)?)),
        ..=-126 => Err(io::Error::new(io::ErrorKind::InvalidData, "a number begins with a byte that means nothing")),
    }
}

fn biased(first: i8, bias: i64, rest: &[u8]) -> i64 {
    rest.iter().fold(i64::from(first) + bias, |value, byte| value << 8 | i64::from(*byte))
}

fn signed(bytes: &[u8]) -> i64 {
    let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
    bytes.iter().fold(sign, |value, byte| value << 8 | i64::from(*byte))
}

fn read_bytes<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], value: i64) {
        assert_eq!(read_number(&mut &bytes[..]).unwrap(), value, "{bytes:x?}");
    }

    /// As TFile's documentation defines them.
    #[test]
    fn each_length() {
        check(&[0], 0);
        check(&[127], 127);
        check(&[0xe0], -32);
        check(&[(-52i8).cast_unsigned(), 128], 128);
        check(&[(-53i8).cast_unsigned(), 0xdf], -33);
        check(&[(-33i8).cast_unsigned(), 0xff], 20 * 256 - 1);
        check(&[(-72i8).cast_unsigned(), 0], -20 * 256);
        check(&[(-88i8).cast_unsigned(), 0x14, 0], 20 * 256);
        check(&[(-104i8).cast_unsigned(), 0, 0], -16 << 16);
        check(&[(-112i8 + 1).cast_unsigned(), 0, 0, 0], 1 << 24);
        check(&[(-125i8).cast_unsigned(), 0x7f, 0xff, 0xff, 0xff], i64::from(i32::MAX));
        check(&[(-125i8).cast_unsigned(), 0x80, 0, 0, 0], i64::from(i32::MIN));
        check(&[(-124i8).cast_unsigned(), 1, 0, 0, 0, 0], 1 << 32);
        check(&[(-121i8).cast_unsigned(), 0x80, 0, 0, 0, 0, 0, 0, 0], i64::MIN);
        assert!(read_number(&mut &[(-128i8).cast_unsigned()][..]).is_err());
        assert!(read_number(&mut &[(-52i8).cast_unsigned()][..]).is_err());
    }
}
