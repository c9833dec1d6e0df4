//! Texts of string arrays, and the elements of view arrays: quickly where a text is ASCII, as nearly all are.

use std::str::{Utf8Error, from_utf8};

/// Bytes that are copied at once.
const BLOCK: usize = 32;

/// Longest text inside a view.
pub(crate) const INLINE: usize = 12;
/// A buffer of long texts is closed when it is this big: offsets in views are 32 bits wide.
pub(crate) const FULL_BUFFER: usize = 1 << 30;

/// The view of the first `len` bytes of `tail`, if they are few and ASCII, and more bytes follow them.
#[inline(always)]
pub(crate) fn short(tail: &[u8], len: usize) -> Option<u128> {
    let word = u128::from_le_bytes(*tail.first_chunk::<16>()?);
    if len > INLINE {
        return None;
    }
    let text = word & ((1 << (8 * len)) - 1);
    let is_ascii = text & 0x8080_8080_8080_8080_8080_8080_8080_8080 == 0;
    is_ascii.then_some(text << 32 | len as u128)
}

/// The view of a text that fits into it; of a copy, which is what is checked.
pub(crate) fn inline(text: &[u8]) -> Result<u128, Utf8Error> {
    let mut copy = [0; 16];
    copy[..text.len().min(INLINE)].copy_from_slice(text);
    from_utf8(&copy[..text.len()])?;
    Ok(u128::from_le_bytes(copy) << 32 | text.len() as u128)
}

/// The view of a text that is longer and lies at `offset` of buffer number `buffer`.
#[inline]
pub(crate) fn long(text: &[u8], buffer: usize, offset: usize) -> u128 {
    let head = text.first_chunk::<4>().map_or(0, |head| u32::from_le_bytes(*head));
    text.len() as u128 | u128::from(head) << 32 | (buffer as u128) << 64 | (offset as u128) << 96
}

/// Appends the first `len` bytes of `tail` to `buffer`, if they are UTF-8. They may be in a mapping of a file that
/// somebody changes, so what is checked is the copy, or what is about to become it.
#[inline]
pub(crate) fn copy(buffer: &mut Vec<u8>, tail: &[u8], len: usize) -> Result<(), Utf8Error> {
    let start = buffer.len();
    let is_ascii = match tail.get(..len.next_multiple_of(BLOCK)) {
        Some(blocks) => copy_blocks(buffer, blocks, start + len),
        None => {
            buffer.extend_from_slice(&tail[..len]);
            false
        }
    };
    if is_ascii { Ok(()) } else { check(buffer, start) }
}

/// Appends `blocks` up to the length `end`; false if some byte of them, or one that follows, is not ASCII.
#[inline]
fn copy_blocks(buffer: &mut Vec<u8>, blocks: &[u8], end: usize) -> bool {
    buffer.reserve(blocks.len());
    let mut all = [0; BLOCK];
    for block in blocks.as_chunks::<BLOCK>().0 {
        let block = *block;
        all.iter_mut().zip(block).for_each(|(all, byte)| *all |= byte);
        buffer.extend_from_slice(&block);
    }
    buffer.truncate(end);
    all.iter().fold(0, |any, byte| any | byte) < 0x80
}

/// Takes the text at `start` away if it is not UTF-8.
#[inline(never)]
fn check(buffer: &mut Vec<u8>, start: usize) -> Result<(), Utf8Error> {
    let result = from_utf8(&buffer[start..]).map(drop);
    if result.is_err() {
        buffer.truncate(start);
    }
    result
}

/// Bytes of the text of a view.
#[inline]
pub(crate) fn len(view: u128) -> usize {
    view as u32 as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::builder::make_view;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_arrow(text in "[a-zé\0]{0,20}", behind in "[a-zé]{0,20}", buffer in 0u32..9, offset: u32) {
            let both = format!("{text}{behind}");
            let expected = make_view(text.as_bytes(), buffer, offset);
            if text.len() > INLINE {
                prop_assert_eq!(long(text.as_bytes(), buffer as usize, offset as usize), expected);
                prop_assert_eq!(short(both.as_bytes(), text.len()), None);
            } else {
                let is_short = both.len() >= 16 && text.is_ascii();
                prop_assert_eq!(inline(text.as_bytes()), Ok(expected));
                prop_assert_eq!(short(both.as_bytes(), text.len()), is_short.then_some(expected));
            }
            prop_assert_eq!(len(expected), text.len());
        }

        #[test]
        fn only_utf8(bytes in prop::collection::vec(prop::sample::select(b"a\xc3\xa9\xff".to_vec()), 0..12)) {
            prop_assert_eq!(inline(&bytes).is_ok(), from_utf8(&bytes).is_ok());
        }

        #[test]
        fn copies(
            bytes in prop::collection::vec(prop::sample::select(b"aaaaaaaaaaaaaaaaaaaa\xc3\xa9".to_vec()), 0..200),
            len: prop::sample::Index,
        ) {
            let len = len.index(bytes.len() + 1);
            let mut buffer = b"before".to_vec();
            let result = copy(&mut buffer, &bytes, len);
            prop_assert_eq!(result.is_ok(), from_utf8(&bytes[..len]).is_ok());
            prop_assert_eq!(&buffer[..6], b"before");
            prop_assert_eq!(&buffer[6..], if result.is_ok() { &bytes[..len] } else { b"" });
        }
    }
}
