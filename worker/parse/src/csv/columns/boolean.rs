//! Boolean columns.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, NullBufferBuilder};
use arrow::buffer::BooleanBuffer;

use super::{Column, Truths};
use crate::csv::faults::{Faults, Stop};
use crate::csv::fields::Fields;
use crate::values::parse_boolean;

/// A Boolean array under construction.
pub(super) struct Booleans {
    truths: Truths,
    values: BooleanBufferBuilder,
    nulls: NullBufferBuilder,
}

impl Booleans {
    pub(super) fn new(truths: Truths, rows: usize) -> Self {
        Booleans { truths, values: BooleanBufferBuilder::new(rows), nulls: NullBufferBuilder::new(rows) }
    }

    fn push(&mut self, value: Option<bool>) {
        self.values.append(value.unwrap_or_default());
        self.nulls.append(value.is_some());
    }
}

impl Truths {
    /// A truth value.
    pub(crate) fn parse(&self, text: &[u8]) -> Option<bool> {
        let is_one_of = |texts: &[Vec<u8>]| texts.iter().any(|known| known == text);
        match parse_boolean(text) {
            None if is_one_of(&self.yes) => Some(true),
            None if is_one_of(&self.no) => Some(false),
            value => value,
        }
    }
}

impl Column for Booleans {
    fn append(&mut self, fields: &Fields<'_>, faults: &mut Faults) -> Result<(), Stop> {
        for (row, place) in fields.places().enumerate() {
            let plain = parse_boolean(fields.raw(place)).filter(|_| !fields.has_tokens());
            if plain.is_some() {
                self.push(plain);
                continue;
            }
            let Some(text) = fields.trimmed(place) else {
                self.push(None);
                fields.null(row, faults)?;
                continue;
            };
            let value = self.truths.parse(&text);
            self.push(value);
            if value.is_none() {
                faults.add(fields, row, fields.bad_value(&text, "BOOLEAN"))?;
            }
        }
        Ok(())
    }

    fn extend(&mut self, array: &dyn Array, kept: &BooleanBuffer) {
        let array = array.as_boolean();
        for index in kept.set_indices() {
            self.push(array.is_valid(index).then(|| array.value(index)));
        }
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.nulls.truncate(rows);
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(BooleanArray::new(self.values.finish(), self.nulls.finish()))
    }
}
