//! String arrays with offsets.
#![allow(unsafe_code, reason = "arrays are built from bytes that were just validated, without a second pass")]

use std::mem;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, GenericStringArray, NullBufferBuilder, OffsetSizeTrait};
use arrow::buffer::{BooleanBuffer, OffsetBuffer, ScalarBuffer};

use super::not_utf8;
use crate::Reason;
use crate::csv::columns::Column;
use crate::csv::faults::{Faults, Stop};
use crate::csv::fields::Fields;
use crate::views;

/// A string array under construction.
pub(crate) struct Strings<O: OffsetSizeTrait> {
    text: Vec<u8>,
    /// Where each value starts, and where the last one ends.
    offsets: Vec<O>,
    nulls: NullBufferBuilder,
    rows: usize,
}

impl<O: OffsetSizeTrait> Strings<O> {
    pub(crate) fn new(rows: usize) -> Self {
        Strings {
            text: Vec::with_capacity(16 * rows),
            offsets: first_offset(rows),
            nulls: NullBufferBuilder::new(rows),
            rows,
        }
    }

    /// Appends a text, or says why not.
    fn push(&mut self, text: &[u8]) -> Result<(), Reason> {
        let start = self.text.len();
        let end = O::from_usize(start + text.len()).ok_or(Reason::TooLong { limit: O::MAX_OFFSET })?;
        views::copy(&mut self.text, text, text.len()).map_err(|_| not_utf8(text))?;
        self.offsets.push(end);
        self.nulls.append_non_null();
        Ok(())
    }

    fn push_null(&mut self) {
        self.offsets.push(self.end());
        self.nulls.append_null();
    }

    fn end(&self) -> O {
        self.offsets.last().copied().unwrap_or_default()
    }
}

impl<O: OffsetSizeTrait> Column for Strings<O> {
    fn append(&mut self, fields: &Fields<'_>, faults: &mut Faults) -> Result<(), Stop> {
        for (row, place) in fields.places().enumerate() {
            let Some(text) = fields.text(place) else {
                self.push_null();
                fields.null(row, faults)?;
                continue;
            };
            let text = fields.rules.encoding.decode(text);
            if let Err(reason) = self.push(&text) {
                self.push_null();
                faults.add(fields, row, reason)?;
            }
        }
        Ok(())
    }

    fn extend(&mut self, array: &dyn Array, kept: &BooleanBuffer) {
        let array = array.as_string::<O>();
        for index in kept.set_indices() {
            if array.is_null(index) {
                self.push_null();
            } else {
                self.push(array.value(index).as_bytes()).expect("the batch's texts come from arrays of fewer bytes");
            }
        }
    }

    fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        self.text.truncate(self.end().as_usize());
        self.nulls.truncate(rows);
    }

    fn finish(&mut self) -> ArrayRef {
        let offsets = mem::replace(&mut self.offsets, first_offset(self.rows));
        let text = mem::replace(&mut self.text, Vec::with_capacity(16 * self.rows));
        let nulls = self.nulls.finish();
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        // SAFETY: each text was validated as UTF-8 where it lies now; the offsets ascend from 0 to the text's length and
        // each is the end of a whole text; offsets and nulls grew together, one each a field.
        Arc::new(unsafe { GenericStringArray::<O>::new_unchecked(offsets, text.into(), nulls) })
    }
}

fn first_offset<O: OffsetSizeTrait>(rows: usize) -> Vec<O> {
    let mut offsets = Vec::with_capacity(rows + 1);
    offsets.push(O::default());
    offsets
}
