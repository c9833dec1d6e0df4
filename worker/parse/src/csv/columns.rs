//! Columns under construction: one type each, filled scan by scan.

mod boolean;
mod primitive;
mod text;

use std::sync::Arc;

use arrow::array::{ArrayRef, NullArray};
use arrow::datatypes::{DataType, TimeUnit};

use crate::csv::fields::{BadField, Fields};
use crate::values;

/// An array that grows by the fields of a scan at a time.
pub(crate) trait Column: Send {
    /// Appends all `fields`.
    fn append(&mut self, fields: &Fields<'_>) -> Result<(), BadField>;
    /// The array so far; the column starts anew.
    fn finish(&mut self) -> ArrayRef;
}

/// A column of `data_type` that expects `rows` rows, if CSV fields can be read into it.
pub(crate) fn column(data_type: &DataType, rows: usize) -> Option<Box<dyn Column>> {
    match number_column(data_type, rows) {
        Some(column) => Some(column),
        None => other_column(data_type, rows),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "types that CSV lacks, now and in later versions of arrow")]
fn number_column(data_type: &DataType, rows: usize) -> Option<Box<dyn Column>> {
    use primitive::Primitive as P;
    Some(match data_type {
        DataType::Int8 => Box::new(P::<values::I8>::new(data_type, rows)),
        DataType::Int16 => Box::new(P::<values::I16>::new(data_type, rows)),
        DataType::Int32 => Box::new(P::<values::I32>::new(data_type, rows)),
        DataType::Int64 => Box::new(P::<values::I64>::new(data_type, rows)),
        DataType::UInt8 => Box::new(P::<values::U8>::new(data_type, rows)),
        DataType::UInt16 => Box::new(P::<values::U16>::new(data_type, rows)),
        DataType::UInt32 => Box::new(P::<values::U32>::new(data_type, rows)),
        DataType::UInt64 => Box::new(P::<values::U64>::new(data_type, rows)),
        DataType::Float32 => Box::new(P::<values::F32>::new(data_type, rows)),
        DataType::Float64 => Box::new(P::<values::F64>::new(data_type, rows)),
        _ => return None,
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "types that CSV lacks, now and in later versions of arrow")]
fn other_column(data_type: &DataType, rows: usize) -> Option<Box<dyn Column>> {
    use primitive::Primitive as P;
    Some(match data_type {
        DataType::Null => Box::new(Nulls::default()),
        DataType::Boolean => Box::new(boolean::Booleans::new(rows)),
        DataType::Utf8 => Box::new(text::Strings::<i32>::new(rows)),
        DataType::LargeUtf8 => Box::new(text::Strings::<i64>::new(rows)),
        DataType::Utf8View => Box::new(text::StringViews::new(rows)),
        DataType::Date32 => Box::new(P::<values::Date>::new(data_type, rows)),
        DataType::Timestamp(_, Some(zone)) if !values::is_utc(zone) => return None,
        DataType::Timestamp(TimeUnit::Second, _) => Box::new(P::<values::Seconds>::new(data_type, rows)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => Box::new(P::<values::Millis>::new(data_type, rows)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Box::new(P::<values::Micros>::new(data_type, rows)),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Box::new(P::<values::Nanos>::new(data_type, rows)),
        _ => return None,
    })
}

/// A column of which nothing is known but that it is empty.
#[derive(Default)]
struct Nulls {
    rows: usize,
}

impl Column for Nulls {
    fn append(&mut self, fields: &Fields<'_>) -> Result<(), BadField> {
        for (row, place) in fields.places().enumerate() {
            if let Some(text) = fields.trimmed(place) {
                return Err(primitive::bad_value(row, &text, "NULL"));
            }
        }
        self.rows += fields.count();
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(NullArray::new(std::mem::take(&mut self.rows)))
    }
}
