//! Columns of truth values.

use std::mem;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, BooleanBufferBuilder, NullBufferBuilder};

use super::Column;
use crate::json::reader::{Fault, Reader, Spot, Token};

pub(super) struct Booleans {
    spot: Spot,
    values: BooleanBufferBuilder,
    nulls: NullBufferBuilder,
    rows: usize,
}

impl Booleans {
    pub(super) fn new(spot: &Spot, rows: usize) -> Self {
        let (values, nulls) = (BooleanBufferBuilder::new(rows), NullBufferBuilder::new(rows));
        Booleans { spot: spot.clone(), values, nulls, rows }
    }
}

impl Column for Booleans {
    fn spot(&self) -> &Spot {
        &self.spot
    }

    fn append(&mut self, reader: &mut Reader<'_>, _is_last: bool) -> Result<(), Fault> {
        let start = reader.cursor.at();
        let value = match reader.token()? {
            Token::Boolean(value) => value,
            Token::String(raw) if reader.rules.coerce_strings && raw.bytes == b"true" => true,
            Token::String(raw) if reader.rules.coerce_strings && raw.bytes == b"false" => false,
            Token::Null => return self.append_missing(),
            Token::Number(_) | Token::Special(_) | Token::String(_) | Token::Container => {
                reader.bad_value(&self.spot, start, "BOOLEAN")?;
                self.append_null();
                return Ok(());
            }
        };
        self.values.append(value);
        self.nulls.append_non_null();
        Ok(())
    }

    fn append_nulls(&mut self, count: usize) {
        self.values.append_n(count, false);
        self.nulls.append_n_nulls(count);
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows.min(self.values.len()));
        self.nulls.truncate(rows.min(self.nulls.len()));
    }

    fn finish(&mut self) -> ArrayRef {
        let mut values = mem::replace(&mut self.values, BooleanBufferBuilder::new(self.rows));
        Arc::new(BooleanArray::new(values.finish(), self.nulls.finish()))
    }
}
