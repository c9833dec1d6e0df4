//! Strings as they are written to strings as they are meant.

use std::borrow::Cow;

use super::cursor::Raw;

/// Why a string has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadText {
    /// Half of a surrogate pair.
    LoneSurrogate,
    /// A backslash before something that it does not escape; the position in the string.
    UnknownEscape(usize),
}

/// Appends the meaning of `raw` to `text`. What is not UTF-8 passes as it is.
pub(crate) fn unescape(raw: &[u8], lossy: bool, text: &mut Vec<u8>) -> Result<(), BadText> {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        text.extend_from_slice(&rest[..at]);
        let place = raw.len() - rest.len() + at;
        let plain = match rest.get(at + 1) {
            Some(byte @ (b'"' | b'\\' | b'/')) => *byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let (character, len) = unicode(&rest[at..], place, lossy)?;
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[at + len..];
                continue;
            }
            _ => return Err(BadText::UnknownEscape(place)),
        };
        text.push(plain);
        rest = &rest[at + 2..];
    }
    text.extend_from_slice(rest);
    Ok(())
}

/// The character of one or two `\uXXXX`, and how many bytes they take.
fn unicode(escapes: &[u8], place: usize, lossy: bool) -> Result<(char, usize), BadText> {
    let unit = code_unit(escapes).ok_or(BadText::UnknownEscape(place))?;
    if let Some(character) = char::from_u32(unit) {
        return Ok((character, 6));
    }
    let low = code_unit(&escapes[6..]).filter(|low| (0xdc00..0xe000).contains(low));
    match low {
        Some(low) if unit < 0xdc00 => {
            let code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            Ok((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12))
        }
        _ if lossy => Ok((char::REPLACEMENT_CHARACTER, 6)),
        _ => Err(BadText::LoneSurrogate),
    }
}

fn code_unit(escape: &[u8]) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = escape.get(..6)? else { return None };
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
}

impl<'a> Raw<'a> {
    /// The meaning of a key; `None` if it has none, so that it equals no name.
    pub(crate) fn key(self) -> Option<Cow<'a, [u8]>> {
        if !self.has_escapes {
            return Some(Cow::Borrowed(self.bytes));
        }
        let mut text = Vec::with_capacity(self.bytes.len());
        unescape(self.bytes, false, &mut text).ok()?;
        Some(Cow::Owned(text))
    }
}

/// A value for a message: quoted, escaped, shortened.
pub(crate) fn shown(text: &[u8]) -> String {
    const LONGEST: usize = 40;
    let lossy = String::from_utf8_lossy(&text[..text.len().min(4 * LONGEST)]);
    let mut short: String = lossy.chars().take(LONGEST).collect();
    if short.len() < text.len() && short.chars().count() == LONGEST {
        short.push('…');
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: Result<&str, BadText>) {
        let mut text = Vec::new();
        let found = unescape(raw.as_bytes(), false, &mut text);
        assert_eq!(found.map(|()| String::from_utf8(text).unwrap()), expected.map(str::to_owned), "{raw}");
    }

    #[test]
    fn escapes() {
        check(r#"a\"b\\c\/\b\f\n\r\t"#, Ok("a\"b\\c/\u{8}\u{c}\n\r\t"));
        check(r"\u0061\u00fc\u20AC\ud83d\ude00x", Ok("aü€😀x"));
        check(r"\u0000", Ok("\0"));
        check(r"ab\x", Err(BadText::UnknownEscape(2)));
        check(r"\u12g4", Err(BadText::UnknownEscape(0)));
        check(r"\u12", Err(BadText::UnknownEscape(0)));
        check(r"\ud800x", Err(BadText::LoneSurrogate));
        check(r"\udc00\ud800", Err(BadText::LoneSurrogate));
        check(r"\ud800\ud800\udc00", Err(BadText::LoneSurrogate));
    }

    #[test]
    fn lossy_replaces_halves() {
        let mut text = Vec::new();
        unescape(br"a\ud800\u0062\udc00", true, &mut text).unwrap();
        assert_eq!(text, "a\u{fffd}b\u{fffd}".as_bytes());
    }
}
