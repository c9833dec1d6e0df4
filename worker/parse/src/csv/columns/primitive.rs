//! Columns of fixed width: numbers, dates, timestamps.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, NullBufferBuilder, PrimitiveArray};
use arrow::datatypes::DataType;

use crate::Reason;
use crate::csv::columns::Column;
use crate::csv::fields::{BadField, Fields, Place, shown};
use crate::values::Kind;

/// An array of `K` under construction.
pub(super) struct Primitive<K: Kind> {
    values: Vec<<K::Arrow as ArrowPrimitiveType>::Native>,
    nulls: NullBufferBuilder,
    data_type: DataType,
    rows: usize,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Primitive<K> {
    pub(super) fn new(data_type: &DataType, rows: usize) -> Self {
        Primitive {
            values: Vec::with_capacity(rows),
            nulls: NullBufferBuilder::new(rows),
            data_type: data_type.clone(),
            rows,
            kind: PhantomData,
        }
    }

    /// A field that is not simply a value: empty, quoted, with blanks, a null token, or bad.
    #[cold]
    fn append_other(&mut self, fields: &Fields<'_>, row: usize, place: Place) -> Result<(), BadField> {
        let Some(text) = fields.trimmed(place) else {
            fields.null(row)?;
            self.append_null();
            return Ok(());
        };
        let value = K::parse(&text, text.len()).ok_or_else(|| bad_value(row, &text, K::SQL))?;
        self.values.push(value);
        self.nulls.append_non_null();
        Ok(())
    }

    fn append_null(&mut self) {
        self.values.push(Default::default());
        self.nulls.append_null();
    }
}

impl<K: Kind> Column for Primitive<K> {
    fn append(&mut self, fields: &Fields<'_>) -> Result<(), BadField> {
        self.values.reserve(fields.count());
        let is_plain = !fields.has_tokens();
        for (row, place) in fields.places().enumerate() {
            match K::parse(fields.tail(place), place.len) {
                Some(value) if is_plain => {
                    self.values.push(value);
                    self.nulls.append_non_null();
                }
                _ if place.len == 0 && fields.nullable => self.append_null(),
                _ => self.append_other(fields, row, place)?,
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(self.rows));
        let array = PrimitiveArray::<K::Arrow>::new(values.into(), self.nulls.finish());
        Arc::new(array.with_data_type(self.data_type.clone()))
    }
}

/// The text of record `row` is not a value of the type that SQL calls `sql_type`.
pub(super) fn bad_value(row: usize, text: &[u8], sql_type: &'static str) -> BadField {
    BadField { row, reason: Reason::BadValue { value: shown(text), sql_type } }
}
