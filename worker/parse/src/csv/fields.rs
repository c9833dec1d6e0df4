//! One column's fields of a scan: their bytes, what is quoted, what is NULL.

use std::borrow::Cow;

use crate::Reason;
use crate::csv::shape::Pick;
use crate::csv::tokenizer::Rows;

/// How text becomes a value, for all columns of a file.
#[derive(Clone, Debug)]
pub(crate) struct TextRules {
    pub quote: Option<u8>,
    pub null_tokens: Vec<Vec<u8>>,
}

/// The fields of one column in the records of one scan.
pub(crate) struct Fields<'a> {
    pub block: &'a [u8],
    pub rows: &'a Rows,
    pub stride: usize,
    pub pick: Pick,
    pub rules: &'a TextRules,
    /// NULL is allowed.
    pub nullable: bool,
}

/// A field that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadField {
    /// Number of the record in the scan.
    pub row: usize,
    pub reason: Reason,
}

/// Bytes of a field in the block.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub start: usize,
    pub len: usize,
}

impl<'a> Fields<'a> {
    /// Number of records.
    pub(crate) fn count(&self) -> usize {
        self.rows.count
    }

    /// The places of all fields, quotes included, the line end's carriage return not.
    #[inline]
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> {
        let Pick { left, right, after_separator, ends_record } = self.pick;
        self.rows.positions.chunks_exact(self.stride).take(self.rows.count).map(move |row| {
            let start = row[left] as usize + usize::from(after_separator);
            let mut end = row[right] as usize;
            if ends_record && end > start && self.block[end - 1] == b'\r' {
                end -= 1;
            }
            Place { start, len: end - start }
        })
    }

    /// The bytes at `place` as they stand in the file.
    #[inline]
    pub(crate) fn raw(&self, place: Place) -> &'a [u8] {
        &self.block[place.start..place.start + place.len]
    }

    /// The block from `place` on, so that a reader may load whole words.
    #[inline]
    pub(crate) fn tail(&self, place: Place) -> &'a [u8] {
        &self.block[place.start..]
    }

    /// Null tokens exist, so that no field may be read before it is compared with them.
    pub(crate) fn has_tokens(&self) -> bool {
        !self.rules.null_tokens.is_empty()
    }

    /// Text of a field; `None` is NULL. A quoted field is never NULL here.
    pub(crate) fn text(&self, place: Place) -> Option<Cow<'a, [u8]>> {
        let raw = self.raw(place);
        match self.rules.quote {
            Some(quote) if raw.first() == Some(&quote) => Some(unquoted(raw, quote)),
            _ if raw.is_empty() || self.is_token(raw) => None,
            _ => Some(Cow::Borrowed(raw)),
        }
    }

    /// Text of a field whose type is not text: without blanks around it; `None` is NULL, quoted or not.
    #[cold]
    pub(crate) fn trimmed(&self, place: Place) -> Option<Cow<'a, [u8]>> {
        let trimmed = match self.text(place)? {
            Cow::Borrowed(text) => Cow::Borrowed(trim(text)),
            Cow::Owned(text) => Cow::Owned(trim(&text).to_vec()),
        };
        (!trimmed.is_empty() && !self.is_token(&trimmed)).then_some(trimmed)
    }

    fn is_token(&self, text: &[u8]) -> bool {
        self.rules.null_tokens.iter().any(|token| token == text)
    }

    /// NULL as field of record `row`, if the column allows it.
    pub(crate) fn null(&self, row: usize) -> Result<(), BadField> {
        if self.nullable { Ok(()) } else { Err(BadField { row, reason: Reason::UnexpectedNull }) }
    }
}

/// Without blanks and tabs at both ends.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// The text inside a quoted field, doubled quotes made single.
pub(crate) fn unquoted(raw: &[u8], quote: u8) -> Cow<'_, [u8]> {
    let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
    if memchr::memchr(quote, inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = memchr::memchr(quote, rest) {
        text.extend_from_slice(&rest[..=at]);
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    text.extend_from_slice(rest);
    Cow::Owned(text)
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

    #[test]
    fn doubled_quotes_become_single() {
        let check = |raw: &str, text: &str| assert_eq!(unquoted(raw.as_bytes(), b'"'), text.as_bytes(), "{raw}");
        check("\"\"", "");
        check("\"a,b\"", "a,b");
        check("\"a \"\"b\"\" c\"", "a \"b\" c");
        check("\"\"\"\"", "\"");
        check("\"\"\"\"\"\"", "\"\"");
    }

    #[test]
    fn only_blanks_and_tabs_are_trimmed() {
        assert_eq!(trim(b" \t1\t "), b"1");
        assert_eq!(trim(b" \x0b"), b"\x0b");
        assert_eq!(trim(b"  "), b"");
    }

    #[test]
    fn shown_values_are_short() {
        assert_eq!(shown(b"a\nb"), "\"a\\nb\"");
        assert_eq!(shown(&[b'x'; 100]), format!("\"{}…\"", "x".repeat(40)));
        assert_eq!(shown(&[0xe9]), "\"\u{fffd}\"");
    }
}
