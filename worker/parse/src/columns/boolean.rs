//! Booleans: `true` and `false` in any case, nothing else.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder};

use super::Column;
use super::primitive::bad_value;
use crate::fields::{BadField, Fields};

/// A truth value.
pub(crate) fn parse(text: &[u8]) -> Option<bool> {
    if text.eq_ignore_ascii_case(b"true") {
        Some(true)
    } else if text.eq_ignore_ascii_case(b"false") {
        Some(false)
    } else {
        None
    }
}

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
            if let Some(value) = parse(fields.raw(place)).filter(|_| !fields.has_tokens()) {
                self.values.append_value(value);
                continue;
            }
            let Some(text) = fields.trimmed(place) else {
                fields.null(row)?;
                self.values.append_null();
                continue;
            };
            self.values.append_value(parse(&text).ok_or_else(|| bad_value(row, &text, "BOOLEAN"))?);
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.values.finish())
    }
}
