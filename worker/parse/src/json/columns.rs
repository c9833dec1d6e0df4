//! Columns under construction, which take their values from a reader.

mod boolean;
mod decimal;
mod fields;
mod list;
mod map;
mod primitive;
mod structs;
mod text;

use std::sync::Arc;

use arrow::array::{ArrayRef, NullArray};
use arrow::datatypes::{DataType, Field, TimeUnit};

use super::options::JsonOptions;
use super::reader::{Fault, Reader, Spot, Token};
use crate::values;
pub(crate) use fields::Fields;

/// An array that grows by a value at a time.
pub(crate) trait Column: Send {
    fn spot(&self) -> &Spot;

    /// Appends the value that is next in the record and passes it; if `is_last`, nothing behind the value is wanted, and
    /// the column may stop in its midst.
    fn append(&mut self, reader: &mut Reader<'_>, is_last: bool) -> Result<(), Fault>;

    /// Appends NULL `count` times, allowed or not: below a NULL it does not matter.
    fn append_nulls(&mut self, count: usize);

    /// Forgets all values but the first `rows`, if there are more.
    fn truncate(&mut self, rows: usize);

    /// The array so far; the column starts anew.
    fn finish(&mut self) -> ArrayRef;

    /// Appends NULL, if it is allowed.
    fn append_missing(&mut self) -> Result<(), Fault> {
        self.spot().null()?;
        self.append_null();
        Ok(())
    }

    /// Appends NULL, allowed or not.
    fn append_null(&mut self) {
        self.append_nulls(1);
    }
}

/// A type that JSON values cannot be read into, and the column that has it.
#[derive(Debug)]
pub(crate) struct Unsupported {
    pub path: Arc<str>,
    pub data_type: DataType,
}

/// What columns are made for.
#[derive(Clone, Copy)]
pub(crate) struct Making<'a> {
    pub options: &'a JsonOptions,
    /// Rows that are expected.
    pub rows: usize,
}

/// A column for `field`, which is at `path` of the schema.
pub(crate) fn column(field: &Field, path: &str, making: Making<'_>) -> Result<Box<dyn Column>, Unsupported> {
    let spot = Spot { path: path.into(), nullable: field.is_nullable() };
    if let Some(column) = number_column(field.data_type(), &spot, making.rows) {
        return Ok(column);
    }
    if let Some(column) = simple_column(field.data_type(), &spot, making) {
        return Ok(column);
    }
    nested_column(field.data_type(), spot, making)
}

impl Making<'_> {
    fn moment<K: values::Moment + 'static>(self, data_type: &DataType, spot: &Spot) -> Box<dyn Column> {
        Box::new(primitive::Times::<K>::new(data_type, spot, self))
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "types of other columns, now and in later versions of arrow")]
fn number_column(data_type: &DataType, spot: &Spot, rows: usize) -> Option<Box<dyn Column>> {
    use primitive::Numbers as N;
    Some(match data_type {
        DataType::Int8 => Box::new(N::<values::I8>::new(data_type, spot, rows)),
        DataType::Int16 => Box::new(N::<values::I16>::new(data_type, spot, rows)),
        DataType::Int32 => Box::new(N::<values::I32>::new(data_type, spot, rows)),
        DataType::Int64 => Box::new(N::<values::I64>::new(data_type, spot, rows)),
        DataType::UInt8 => Box::new(N::<values::U8>::new(data_type, spot, rows)),
        DataType::UInt16 => Box::new(N::<values::U16>::new(data_type, spot, rows)),
        DataType::UInt32 => Box::new(N::<values::U32>::new(data_type, spot, rows)),
        DataType::UInt64 => Box::new(N::<values::U64>::new(data_type, spot, rows)),
        DataType::Float32 => Box::new(N::<values::F32>::new(data_type, spot, rows)),
        DataType::Float64 => Box::new(N::<values::F64>::new(data_type, spot, rows)),
        DataType::Decimal128(precision, scale) => Box::new(decimal::Decimals::new((*precision, *scale), spot, rows)),
        _ => return None,
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "types of other columns, now and in later versions of arrow")]
fn simple_column(data_type: &DataType, spot: &Spot, making: Making<'_>) -> Option<Box<dyn Column>> {
    let rows = making.rows;
    Some(match data_type {
        DataType::Null => Box::new(Nulls { spot: spot.clone(), rows: 0 }),
        DataType::Boolean => Box::new(boolean::Booleans::new(spot, rows)),
        DataType::Utf8 => Box::new(text::Texts::<text::Strings<i32>>::new(spot, rows)),
        DataType::LargeUtf8 => Box::new(text::Texts::<text::Strings<i64>>::new(spot, rows)),
        DataType::Utf8View => Box::new(text::Texts::<text::Views>::new(spot, rows)),
        DataType::Date32 => making.moment::<values::Date>(data_type, spot),
        DataType::Timestamp(_, Some(zone)) if !values::is_utc(zone) => return None,
        DataType::Timestamp(TimeUnit::Second, _) => making.moment::<values::Seconds>(data_type, spot),
        DataType::Timestamp(TimeUnit::Millisecond, _) => making.moment::<values::Millis>(data_type, spot),
        DataType::Timestamp(TimeUnit::Microsecond, _) => making.moment::<values::Micros>(data_type, spot),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => making.moment::<values::Nanos>(data_type, spot),
        _ => return None,
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "types that JSON lacks, now and in later versions of arrow")]
fn nested_column(data_type: &DataType, spot: Spot, making: Making<'_>) -> Result<Box<dyn Column>, Unsupported> {
    match data_type {
        DataType::Struct(fields) => Ok(Box::new(structs::Structs::new(fields, spot, making)?)),
        DataType::List(element) => Ok(Box::new(list::Lists::new(element, spot, making)?)),
        DataType::Map(entries, false) => Ok(Box::new(map::Maps::new(entries, spot, making)?)),
        _ => Err(Unsupported { path: spot.path, data_type: data_type.clone() }),
    }
}

/// A column of which nothing is known but that it is empty.
struct Nulls {
    spot: Spot,
    rows: usize,
}

impl Column for Nulls {
    fn spot(&self) -> &Spot {
        &self.spot
    }

    fn append(&mut self, reader: &mut Reader<'_>, _is_last: bool) -> Result<(), Fault> {
        let start = reader.cursor.at();
        if !matches!(reader.token()?, Token::Null) {
            reader.bad_value(&self.spot, start, "NULL")?;
        }
        self.append_null();
        Ok(())
    }

    fn append_nulls(&mut self, count: usize) {
        self.rows += count;
    }

    fn truncate(&mut self, rows: usize) {
        self.rows = self.rows.min(rows);
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(NullArray::new(std::mem::take(&mut self.rows)))
    }
}
