//! From the bytes of a field to its text: quotes, escapes and blanks that are not part of it.

use std::borrow::Cow;

/// Without blanks and tabs at both ends.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// Without blanks and tabs at its start.
pub(crate) fn without_first_blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    text
}

/// The text inside a quoted field: a doubled quote is one, and what is escaped stands for itself.
pub(crate) fn unquoted(raw: &[u8], quote: u8, escape: Option<u8>) -> Cow<'_, [u8]> {
    let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
    unmarked(inner, |text| match escape {
        Some(escape) => memchr::memchr2(quote, escape, text),
        None => memchr::memchr(quote, text),
    })
}

/// The text of an unquoted field: what is escaped stands for itself.
pub(crate) fn unescaped(raw: &[u8], escape: Option<u8>) -> Cow<'_, [u8]> {
    match escape {
        Some(escape) => unmarked(raw, |text| memchr::memchr(escape, text)),
        None => Cow::Borrowed(raw),
    }
}

/// Leaves out each mark that `find` finds, and passes over the byte behind it; a mark at the end stands for itself.
fn unmarked(raw: &[u8], find: impl Fn(&[u8]) -> Option<usize>) -> Cow<'_, [u8]> {
    let Some(mut mark) = find(raw) else { return Cow::Borrowed(raw) };
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(behind) = rest.get(mark + 1..).filter(|behind| !behind.is_empty()) {
        text.extend_from_slice(&rest[..mark]);
        text.push(behind[0]);
        rest = &behind[1..];
        match find(rest) {
            Some(next) => mark = next,
            None => break,
        }
    }
    text.extend_from_slice(rest);
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubled_quotes_become_single() {
        let check = |raw: &str, text: &str| assert_eq!(unquoted(raw.as_bytes(), b'"', None), text.as_bytes(), "{raw}");
        check("\"\"", "");
        check("\"a,b\"", "a,b");
        check("\"a \"\"b\"\" c\"", "a \"b\" c");
        check("\"\"\"\"", "\"");
        check("\"\"\"\"\"\"", "\"\"");
    }

    #[test]
    fn what_is_escaped_stands_for_itself() {
        let check = |raw: &str, text: &str| {
            assert_eq!(unescaped(raw.as_bytes(), Some(b'\\')), text.as_bytes(), "{raw}");
            let quoted = format!("\"{raw}\"");
            assert_eq!(unquoted(quoted.as_bytes(), b'"', Some(b'\\')), text.as_bytes(), "{raw}");
        };
        check("a", "a");
        check("a\\,b", "a,b");
        check("\\\\\\\"", "\\\"");
        check("\\n", "n");
        check("a\\", "a\\");
        assert_eq!(unescaped(b"\\N", None), b"\\N".as_slice());
    }

    #[test]
    fn only_blanks_and_tabs_are_trimmed() {
        assert_eq!(trim(b" \t1\t "), b"1");
        assert_eq!(trim(b" \x0b"), b"\x0b");
        assert_eq!(trim(b"  "), b"");
        assert_eq!(without_first_blanks(b" \t1 "), b"1 ");
    }
}
