//! Text columns. Blanks stay, quotes go, and every byte is checked to be UTF-8.
#![allow(unsafe_code, reason = "string views are built from bytes that were just validated, without a second pass")]

use std::mem;
use std::sync::Arc;

use arrow::array::builder::make_view;
use arrow::array::{ArrayRef, GenericStringBuilder, NullBufferBuilder, OffsetSizeTrait, StringViewArray};
use arrow::buffer::Buffer;

use super::Column;
use crate::Reason;
use crate::csv::fields::{BadField, Fields, Place, shown};

/// Longest text inside a view.
const INLINE: usize = 12;
/// A buffer of long texts is closed when it is this big: offsets in views are 32 bits wide.
const FULL_BUFFER: usize = 1 << 30;

/// A view array under construction: short texts in the views, long ones copied to buffers of the batch, because the
/// block goes away.
pub(super) struct StringViews {
    views: Vec<u128>,
    nulls: NullBufferBuilder,
    full: Vec<Buffer>,
    long: Vec<u8>,
    rows: usize,
}

impl StringViews {
    pub(super) fn new(rows: usize) -> Self {
        StringViews {
            views: Vec::with_capacity(rows),
            nulls: NullBufferBuilder::new(rows),
            full: Vec::new(),
            long: Vec::new(),
            rows,
        }
    }

    #[inline(never)]
    fn append_field(&mut self, fields: &Fields<'_>, row: usize, place: Place) -> Result<(), BadField> {
        let Some(text) = fields.text(place) else {
            fields.null(row)?;
            self.views.push(0);
            self.nulls.append_null();
            return Ok(());
        };
        let view = if text.len() > INLINE { self.long_view(row, &text)? } else { inline_view(row, &text)? };
        self.views.push(view);
        self.nulls.append_non_null();
        Ok(())
    }

    /// The view of a text that is copied to the buffer. The block may be a mapping of a file that somebody changes, so
    /// what is checked is the copy.
    fn long_view(&mut self, row: usize, text: &[u8]) -> Result<u128, BadField> {
        if self.long.len() >= FULL_BUFFER {
            self.full.push(mem::take(&mut self.long).into());
        }
        let offset = self.long.len();
        self.long.extend_from_slice(text);
        let copy = &self.long[offset..];
        if let Err(bad) = utf8(row, copy) {
            self.long.truncate(offset);
            return Err(bad);
        }
        Ok(make_view(copy, self.full.len() as u32, offset as u32))
    }
}

impl Column for StringViews {
    fn append(&mut self, fields: &Fields<'_>) -> Result<(), BadField> {
        self.views.reserve(fields.count());
        let is_plain = !fields.has_tokens();
        for (row, place) in fields.places().enumerate() {
            match short_view(fields, place) {
                Some(view) if is_plain => {
                    self.views.push(view);
                    self.nulls.append_non_null();
                }
                _ => self.append_field(fields, row, place)?,
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        let views = mem::replace(&mut self.views, Vec::with_capacity(self.rows));
        let mut buffers = mem::take(&mut self.full);
        if !self.long.is_empty() {
            buffers.push(mem::take(&mut self.long).into());
        }
        let nulls = self.nulls.finish();
        // SAFETY: every view was made by `make_view` over text that lies at that offset of that buffer, or by
        // `short_view`, whose bytes are inline; all text was validated as UTF-8 (or is ASCII) where it lies now, not
        // where it was read from; views and nulls grew together, one each a field.
        Arc::new(unsafe { StringViewArray::new_unchecked(views.into(), buffers, nulls) })
    }
}

/// The view of a short text, of a copy that was checked.
fn inline_view(row: usize, text: &[u8]) -> Result<u128, BadField> {
    let mut copy = [0; INLINE];
    copy[..text.len()].copy_from_slice(text);
    let text = utf8(row, &copy[..text.len()])?;
    Ok(make_view(text.as_bytes(), 0, 0))
}

/// The view of a short, unquoted, ASCII field: the common case, by masks only.
#[inline(always)]
fn short_view(fields: &Fields<'_>, place: Place) -> Option<u128> {
    let word = u128::from_le_bytes(*fields.tail(place).first_chunk::<16>()?);
    if place.len == 0 || place.len > INLINE || fields.rules.quote == Some(word as u8) {
        return None;
    }
    let text = word & ((1 << (8 * place.len)) - 1);
    let is_ascii = text & 0x8080_8080_8080_8080_8080_8080_8080_8080 == 0;
    is_ascii.then_some(text << 32 | place.len as u128)
}

/// A string array with offsets under construction.
pub(super) struct Strings<O: OffsetSizeTrait> {
    values: GenericStringBuilder<O>,
    /// The text that is being checked.
    copy: Vec<u8>,
}

impl<O: OffsetSizeTrait> Strings<O> {
    pub(super) fn new(rows: usize) -> Self {
        Strings { values: GenericStringBuilder::with_capacity(rows, 16 * rows), copy: Vec::new() }
    }
}

impl<O: OffsetSizeTrait> Column for Strings<O> {
    fn append(&mut self, fields: &Fields<'_>) -> Result<(), BadField> {
        for (row, place) in fields.places().enumerate() {
            match fields.text(place) {
                // A copy first: the block may be a mapping of a file that somebody changes.
                Some(text) => {
                    self.copy.clear();
                    self.copy.extend_from_slice(&text);
                    self.values.append_value(utf8(row, &self.copy)?);
                }
                None => {
                    fields.null(row)?;
                    self.values.append_null();
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.values.finish())
    }
}

fn utf8(row: usize, text: &[u8]) -> Result<&str, BadField> {
    std::str::from_utf8(text).map_err(|_| BadField { row, reason: Reason::NotUtf8 { value: shown(text) } })
}
