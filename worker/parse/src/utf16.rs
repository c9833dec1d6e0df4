//! Files in UTF-16, which readers of bytes would take for lines full of NULs.

/// Whether a file that begins with these bytes is in UTF-16: it has the mark, or every other byte is NUL as in Latin text.
pub fn is_utf16(head: &[u8]) -> bool {
    let by_twos = |first: bool| {
        let pairs = head.chunks_exact(2).take(PAIRS);
        pairs.len() >= 2 && pairs.into_iter().all(|pair| (pair[0] == 0) == first && (pair[1] == 0) != first)
    };
    head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) || by_twos(true) || by_twos(false)
}

/// So many letters tell.
const PAIRS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_nuls_tell() {
        for (head, expected) in [
            (&b"\xff\xfea\0"[..], true),
            (b"\xfe\xff\0a", true),
            (b"a\0,\0b\0\n\0", true),
            (b"\0a\0,", true),
            (b"a,b\n1,2\n", false),
            (b"a\0", false),
            (b"a\0b\0cd", false),
            (b"\0\0\0\0", false),
            (b"\xef\xbb\xbfa", false),
            (b"", false),
        ] {
            assert_eq!(is_utf16(head), expected, "{head:?}");
        }
    }
}
