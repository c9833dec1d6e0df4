//! View arrays: short texts in the views, long ones copied to buffers of the batch, because the block goes away.
#![allow(unsafe_code, reason = "string views are built from bytes that were just validated, without a second pass")]

use std::mem;
use std::str::Utf8Error;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, NullBufferBuilder, StringViewArray};
use arrow::buffer::{BooleanBuffer, Buffer};

use super::not_utf8;
use crate::csv::columns::Column;
use crate::csv::faults::{Faults, Stop};
use crate::csv::fields::{Fields, Place};
use crate::views::{self, FULL_BUFFER, INLINE};

/// A view array under construction.
pub(crate) struct StringViews {
    views: Vec<u128>,
    nulls: NullBufferBuilder,
    full: Vec<Buffer>,
    long: Vec<u8>,
    rows: usize,
}

impl StringViews {
    pub(crate) fn new(rows: usize) -> Self {
        StringViews {
            views: Vec::with_capacity(rows),
            nulls: NullBufferBuilder::new(rows),
            full: Vec::new(),
            long: Vec::new(),
            rows,
        }
    }

    #[inline(never)]
    fn append_field(&mut self, fields: &Fields<'_>, row: usize, place: Place, faults: &mut Faults) -> Result<(), Stop> {
        let Some(text) = fields.text(place) else {
            self.push(None);
            return fields.null(row, faults);
        };
        let text = fields.rules.encoding.decode(text);
        let view = if text.len() > INLINE { self.long_view(&text) } else { views::inline(&text) };
        match view {
            Ok(view) => {
                self.push(Some(view));
                Ok(())
            }
            Err(_) => {
                self.push(None);
                faults.add(fields, row, not_utf8(&text))
            }
        }
    }

    fn push(&mut self, view: Option<u128>) {
        self.views.push(view.unwrap_or_default());
        self.nulls.append(view.is_some());
    }

    /// The view of a text that is copied to the buffer.
    fn long_view(&mut self, text: &[u8]) -> Result<u128, Utf8Error> {
        if self.long.len() >= FULL_BUFFER {
            self.full.push(mem::take(&mut self.long).into());
        }
        let offset = self.long.len();
        views::copy(&mut self.long, text, text.len())?;
        Ok(views::long(&self.long[offset..], self.full.len(), offset))
    }
}

impl Column for StringViews {
    fn append(&mut self, fields: &Fields<'_>, faults: &mut Faults) -> Result<(), Stop> {
        self.views.reserve(fields.count());
        let is_plain = fields.is_plain_text();
        for (row, place) in fields.places().enumerate() {
            match short_view(fields, place) {
                Some(view) if is_plain => {
                    self.views.push(view);
                    self.nulls.append_non_null();
                }
                _ => self.append_field(fields, row, place, faults)?,
            }
        }
        Ok(())
    }

    fn extend(&mut self, array: &dyn Array, kept: &BooleanBuffer) {
        let array = array.as_string_view();
        for index in kept.set_indices() {
            let view = match array.views()[index] {
                _ if array.is_null(index) => None,
                view if views::len(view) <= INLINE => Some(view),
                _ => {
                    let view = self.long_view(array.value(index).as_bytes());
                    Some(view.expect("the text comes from an array, so it is UTF-8"))
                }
            };
            self.push(view);
        }
    }

    fn truncate(&mut self, rows: usize) {
        self.views.truncate(rows);
        self.nulls.truncate(rows);
        let last_long = self.views.iter().rev().find(|view| views::len(**view) > INLINE);
        let end = match last_long {
            Some(view) if (*view >> 64) as u32 as usize == self.full.len() => {
                (*view >> 96) as usize + views::len(*view)
            }
            _ => 0,
        };
        self.long.truncate(end);
    }

    fn finish(&mut self) -> ArrayRef {
        let views = mem::replace(&mut self.views, Vec::with_capacity(self.rows));
        let mut buffers = mem::take(&mut self.full);
        if !self.long.is_empty() {
            buffers.push(mem::take(&mut self.long).into());
        }
        let nulls = self.nulls.finish();
        // SAFETY: every view was made by `views::long` over text that lies at that offset of that buffer (`truncate` cuts
        // the buffer behind the last text that a view names), or by the others there, whose bytes are inline, or is such
        // an inline view of another array; all text was validated as UTF-8 (or is ASCII) where it lies now, not where it was read
        // from; views and nulls grew together, one each a field.
        Arc::new(unsafe { StringViewArray::new_unchecked(views.into(), buffers, nulls) })
    }
}

/// The view of a short, unquoted, ASCII field: the common case, by masks only.
#[inline(always)]
fn short_view(fields: &Fields<'_>, place: Place) -> Option<u128> {
    let tail = fields.tail(place);
    if place.len == 0 || fields.rules.quote == tail.first().copied() {
        return None;
    }
    views::short(tail, place.len)
}
