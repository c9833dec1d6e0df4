//! One column's fields of a scan: their bytes, what is quoted, what is NULL.

use std::borrow::Cow;

use crate::Reason;
use crate::csv::encoding::Encoding;
use crate::csv::faults::{Faults, Stop};
use crate::csv::options::{ColumnOptions, CsvOptions};
use crate::csv::shape::Pick;
use crate::csv::tokenizer::Rows;
use crate::csv::unquote::{trim, unescaped, unquoted, without_first_blanks};

/// How the fields of a column become text.
#[derive(Clone, Debug)]
pub(crate) struct TextRules {
    pub quote: Option<u8>,
    pub escape: Option<u8>,
    /// Blanks at a field's start do not belong to it.
    pub skip_blanks: bool,
    pub encoding: Encoding,
    /// As they stand in the file.
    pub null_tokens: Vec<Vec<u8>>,
}

impl TextRules {
    /// The rules of a column; `own` are its own options.
    pub(crate) fn new(options: &CsvOptions, own: Option<&ColumnOptions>) -> TextRules {
        let of_column = own.into_iter().flat_map(|own| &own.null_tokens);
        // The empty field is NULL without any list.
        let tokens = options.null_tokens.iter().chain(of_column).filter(|token| !token.is_empty());
        TextRules {
            quote: options.quote,
            escape: options.escape,
            skip_blanks: options.skip_initial_space,
            encoding: options.encoding,
            null_tokens: tokens.filter_map(|token| options.encoding.encode(token)).collect(),
        }
    }

    /// Text of a field in the file's encoding; `None` is NULL. A quoted field is never NULL here.
    pub(crate) fn text<'a>(&self, mut raw: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        if self.skip_blanks {
            raw = without_first_blanks(raw);
        }
        match self.quote {
            Some(quote) if raw.first() == Some(&quote) => Some(unquoted(raw, quote, self.escape)),
            _ if raw.is_empty() || self.is_token(raw) => None,
            _ => Some(unescaped(raw, self.escape)),
        }
    }

    /// Text of a field whose type is not text: without blanks around it; `None` is NULL, quoted or not.
    pub(crate) fn trimmed<'a>(&self, raw: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let trimmed = match self.text(raw)? {
            Cow::Borrowed(text) => Cow::Borrowed(trim(text)),
            Cow::Owned(text) => Cow::Owned(trim(&text).to_vec()),
        };
        (!trimmed.is_empty() && !self.is_token(&trimmed)).then_some(trimmed)
    }

    fn is_token(&self, text: &[u8]) -> bool {
        self.null_tokens.iter().any(|token| token == text)
    }
}

/// The fields of one column in the records of one scan.
pub(crate) struct Fields<'a> {
    pub block: &'a [u8],
    pub rows: &'a Rows,
    pub stride: usize,
    pub pick: Pick,
    pub rules: &'a TextRules,
    /// Index of the column in the projection.
    pub column: usize,
    /// NULL is allowed.
    pub nullable: bool,
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
            let mut end = row[right] as usize;
            // A field that is missing would start behind the separator that is missing too.
            let start = (row[left] as usize + usize::from(after_separator)).min(end);
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

    /// What is read at once may be text as it stands: nothing needs to be compared or taken away.
    pub(crate) fn is_plain_text(&self) -> bool {
        !self.has_tokens() && self.rules.escape.is_none() && !self.rules.skip_blanks
    }

    /// Text of a field in the file's encoding; `None` is NULL. A quoted field is never NULL here.
    pub(crate) fn text(&self, place: Place) -> Option<Cow<'a, [u8]>> {
        self.rules.text(self.raw(place))
    }

    /// Text of a field whose type is not text: without blanks around it; `None` is NULL, quoted or not.
    #[cold]
    pub(crate) fn trimmed(&self, place: Place) -> Option<Cow<'a, [u8]>> {
        self.rules.trimmed(self.raw(place))
    }

    /// The field of record `row` is NULL: a fault if the column forbids it.
    pub(crate) fn null(&self, row: usize, faults: &mut Faults) -> Result<(), Stop> {
        if self.nullable { Ok(()) } else { faults.add(self, row, Reason::UnexpectedNull) }
    }

    /// `text` is not a value of the type that SQL calls `sql_type`.
    #[cold]
    pub(crate) fn bad_value(&self, text: &[u8], sql_type: &'static str) -> Reason {
        Reason::BadValue { value: shown(&self.rules.encoding.decoded(text)), sql_type }
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

    #[test]
    fn shown_values_are_short() {
        assert_eq!(shown(b"a\nb"), "\"a\\nb\"");
        assert_eq!(shown(&[b'x'; 100]), format!("\"{}…\"", "x".repeat(40)));
        assert_eq!(shown(&[0xe9]), "\"\u{fffd}\"");
    }
}
