//! Columns of decimals: exact, never rounded. A number with more decimals or digits than the type has is a bad value.

use std::mem;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, NullBufferBuilder};
use arrow::datatypes::DataType;

use super::Column;
use crate::json::number::{Form, form, scaled};
use crate::json::reader::{Fault, Reader, Spot, Token};

pub(super) struct Decimals {
    spot: Spot,
    values: Vec<i128>,
    nulls: NullBufferBuilder,
    scale: i8,
    /// What no value reaches.
    limit: i128,
    data_type: DataType,
    rows: usize,
}

impl Decimals {
    pub(super) fn new((precision, scale): (u8, i8), spot: &Spot, rows: usize) -> Self {
        Decimals {
            spot: spot.clone(),
            values: Vec::with_capacity(rows),
            nulls: NullBufferBuilder::new(rows),
            scale,
            limit: 10i128.checked_pow(u32::from(precision)).unwrap_or(i128::MAX),
            data_type: DataType::Decimal128(precision, scale),
            rows,
        }
    }

    fn value(&self, text: &[u8]) -> Option<i128> {
        let value = if form(text) == Form::Bad { None } else { scaled(text, i32::from(self.scale)) };
        value.filter(|value| value.abs() < self.limit)
    }
}

impl Column for Decimals {
    fn spot(&self) -> &Spot {
        &self.spot
    }

    fn append(&mut self, reader: &mut Reader<'_>, _is_last: bool) -> Result<(), Fault> {
        let start = reader.cursor.at();
        let value = match reader.token()? {
            Token::Number(text) => self.value(text),
            Token::String(raw) if reader.rules.coerce_strings => self.value(raw.bytes),
            Token::Null => return self.append_missing(),
            Token::Boolean(_) | Token::Special(_) | Token::String(_) | Token::Container => None,
        };
        let Some(value) = value else {
            reader.bad_value(&self.spot, start, "DECIMAL")?;
            self.append_null();
            return Ok(());
        };
        self.values.push(value);
        self.nulls.append_non_null();
        Ok(())
    }

    fn append_nulls(&mut self, count: usize) {
        self.values.resize(self.values.len() + count, 0);
        self.nulls.append_n_nulls(count);
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.nulls.truncate(rows.min(self.nulls.len()));
    }

    fn finish(&mut self) -> ArrayRef {
        let values = mem::replace(&mut self.values, Vec::with_capacity(self.rows));
        let array = Decimal128Array::new(values.into(), self.nulls.finish());
        Arc::new(array.with_data_type(self.data_type.clone()))
    }
}
