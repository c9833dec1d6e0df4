//! Hadoop's variable-length integers (WritableUtils), which are not protobuf's.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Why a Writable structure cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It ends too early.
    #[error("{what} ends after {left} bytes, {needed} are needed")]
    Short {
        /// What was being read.
        what: &'static str,
        /// How many bytes there are.
        left: usize,
        /// How many there should be.
        needed: u64,
    },
    /// A length is negative.
    #[error("{what} has the negative length {length}")]
    Negative {
        /// What was being read.
        what: &'static str,
        /// The length.
        length: i64,
    },
    /// A text is not UTF-8.
    #[error("{what} is not UTF-8")]
    Text {
        /// What was being read.
        what: &'static str,
    },
}

/// Reads one integer.
pub fn get_vint(bytes: &mut Bytes, what: &'static str) -> Result<i64, ReadError> {
    let first = get_byte(bytes, what)?;
    if first >= -112 {
        return Ok(i64::from(first));
    }
    let (negative, count) = if first >= -120 { (false, -112 - first) } else { (true, -120 - first) };
    let mut value = 0i64;
    for _ in 0..count {
        value = value << 8 | i64::from(get_byte(bytes, what)?.cast_unsigned());
    }
    Ok(if negative { !value } else { value })
}

/// Writes one integer.
pub fn put_vint(bytes: &mut BytesMut, value: i64) {
    if (-112..=127).contains(&value) {
        bytes.put_i8(value as i8);
        return;
    }
    let (base, magnitude) = if value < 0 { (-120i8, !value) } else { (-112i8, value) };
    let count = (8 - magnitude.leading_zeros() / 8) as usize;
    bytes.put_i8(base - count as i8);
    bytes.put_slice(&magnitude.to_be_bytes()[8 - count..]);
}

/// Reads bytes that follow their length.
pub(crate) fn get_bytes(bytes: &mut Bytes, what: &'static str) -> Result<Bytes, ReadError> {
    let length = get_vint(bytes, what)?;
    let needed = u64::try_from(length).map_err(|_| ReadError::Negative { what, length })?;
    take(bytes, needed, what)
}

/// Reads a text that follows its length.
pub(crate) fn get_text(bytes: &mut Bytes, what: &'static str) -> Result<String, ReadError> {
    let text = get_bytes(bytes, what)?;
    String::from_utf8(text.to_vec()).map_err(|_| ReadError::Text { what })
}

/// Takes exactly `needed` bytes off the front.
pub(crate) fn take(bytes: &mut Bytes, needed: u64, what: &'static str) -> Result<Bytes, ReadError> {
    match usize::try_from(needed) {
        Ok(length) if length <= bytes.len() => Ok(bytes.split_to(length)),
        Ok(_) | Err(_) => Err(ReadError::Short { what, left: bytes.len(), needed }),
    }
}

/// Writes bytes after their length.
pub(crate) fn put_bytes(bytes: &mut BytesMut, content: &[u8]) {
    put_vint(bytes, content.len() as i64);
    bytes.put_slice(content);
}

fn get_byte(bytes: &mut Bytes, what: &'static str) -> Result<i8, ReadError> {
    bytes.try_get_i8().map_err(|_| ReadError::Short { what, left: 0, needed: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(value: i64) -> Vec<u8> {
        let mut bytes = BytesMut::new();
        put_vint(&mut bytes, value);
        bytes.to_vec()
    }

    #[test]
    fn vectors_made_by_hadoop() {
        let vectors: [(i64, &[u8]); 7] = [
            (0, &[0x00]),
            (127, &[0x7f]),
            (128, &[0x8f, 0x80]),
            (255, &[0x8f, 0xff]),
            (256, &[0x8e, 0x01, 0x00]),
            (-112, &[0x90]),
            (-113, &[0x87, 0x70]),
        ];
        for (value, bytes) in vectors {
            assert_eq!(encoded(value), bytes, "{value}");
        }
    }

    proptest! {
        #[test]
        fn every_value_comes_back(value: i64) {
            let mut bytes = Bytes::from(encoded(value));
            prop_assert_eq!(get_vint(&mut bytes, "value"), Ok(value));
            prop_assert!(bytes.is_empty());
        }
    }

    #[test]
    fn extremes_come_back() {
        for value in [i64::MIN, i64::MAX, -1, -112, -113, -256, -257] {
            assert_eq!(get_vint(&mut Bytes::from(encoded(value)), "value"), Ok(value));
        }
    }
}
