//! The character encodings of files. All of them have the bytes of ASCII, so that structure is found without decoding.

use std::borrow::Cow;

/// How the bytes of a file spell characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8; a text column's field that is not is a bad value.
    #[default]
    Utf8,
    /// UTF-8; what is not becomes U+FFFD.
    Utf8Lossy,
    /// ISO 8859-1: each byte is the character of its number.
    Latin1,
    /// Windows-1252: ISO 8859-1 with printable characters for most of 0x80 to 0x9F. The five bytes without one are the
    /// control characters of their number, as browsers have it.
    Cp1252,
}

/// The characters of the bytes 0x80 to 0x9F in Windows-1252.
const CP1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

impl Encoding {
    /// Each byte is a character.
    pub(crate) fn is_single_byte(self) -> bool {
        match self {
            Encoding::Utf8 | Encoding::Utf8Lossy => false,
            Encoding::Latin1 | Encoding::Cp1252 => true,
        }
    }

    /// `text` in UTF-8, except that [`Encoding::Utf8`] leaves it as it is.
    pub(crate) fn decode(self, text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
        match (self, text) {
            (Encoding::Utf8, text) => text,
            (_, text) if text.is_ascii() => text,
            (_, text) => Cow::Owned(self.decoded(&text).into_owned()),
        }
    }

    /// As [`Self::decode`], of borrowed bytes.
    pub(crate) fn decoded(self, text: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Encoding::Utf8 => Cow::Borrowed(text),
            Encoding::Utf8Lossy => match String::from_utf8_lossy(text) {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
            Encoding::Latin1 | Encoding::Cp1252 => {
                Cow::Owned(text.iter().map(|byte| self.character(*byte)).collect::<String>().into_bytes())
            }
        }
    }

    fn character(self, byte: u8) -> char {
        match (self, byte) {
            (Encoding::Cp1252, 0x80..=0x9f) => CP1252[usize::from(byte - 0x80)],
            (_, byte) => char::from(byte),
        }
    }

    /// The bytes that spell `text`, if there are any.
    pub(crate) fn encode(self, text: &str) -> Option<Vec<u8>> {
        if !self.is_single_byte() {
            return Some(text.as_bytes().to_vec());
        }
        text.chars().map(|wanted| (0..=u8::MAX).find(|byte| self.character(*byte) == wanted)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_characters() {
        let check = |encoding: Encoding, bytes: &[u8], text: &str| {
            assert_eq!(encoding.decoded(bytes), text.as_bytes());
            assert_eq!(encoding.encode(text).as_deref(), Some(bytes));
        };
        check(Encoding::Latin1, b"caf\xe9 \x80", "café \u{80}");
        check(Encoding::Cp1252, b"caf\xe9 \x80\x9d\x9f", "café €\u{9d}Ÿ");
        check(Encoding::Utf8, "é".as_bytes(), "é");
        assert_eq!(Encoding::Utf8Lossy.decoded(b"a\xe9b"), "a\u{fffd}b".as_bytes());
        assert_eq!(Encoding::Latin1.encode("€"), None);
    }

    #[test]
    fn every_byte_has_a_character_of_its_own() {
        for encoding in [Encoding::Latin1, Encoding::Cp1252] {
            for byte in 0..=u8::MAX {
                assert_eq!(encoding.encode(&encoding.character(byte).to_string()), Some(vec![byte]));
            }
        }
    }
}
