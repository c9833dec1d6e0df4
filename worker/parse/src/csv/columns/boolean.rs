//! Boolean columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder};

use super::Column;
use super::primitive::bad_value;
use crate::csv::fields::{BadField, Fields};
use crate::values::parse_boolean;

/// A Boolean array under construction.
pub(super) struct Booleans {
    values: BooleanBuilder,
}

impl Booleans {
    pub(super) fn new(rows: usize) -> Self {
        Booleans { values: BooleanBuilder::with_capacity(rows) }
    }
}

impl Column for Booleans {
    fn append(&mut self, fields: &Fields<'_>) -> Result<(), BadField> {
        for (row, place) in fields.places().enumerate() {
            if let Some(value) = parse_boolean(fields.raw(place)).filter(|_| !fields.has_tokens()) {
                self.values.append_value(value);
                continue;
            }
            let Some(text) = fields.trimmed(place) else {
                fields.null(row)?;
                self.values.append_null();
                continue;
            };
            self.values.append_value(parse_boolean(&text).ok_or_else(|| bad_value(row, &text, "BOOLEAN"))?);
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.values.finish())
    }
}
