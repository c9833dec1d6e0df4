//! Columns under construction: one type each, filled scan by scan.

mod boolean;
mod parsers;
mod primitive;
mod text;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, NullArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, TimeUnit};

use crate::csv::faults::{Faults, Stop};
use crate::csv::fields::Fields;
use crate::values::{self, Decimal, Format, Locale, Moment};
use parsers::{Decimals, Formatted, Localized};
use primitive::{Parse, Plain, Primitive};

/// An array that grows by the fields of a scan at a time.
pub(crate) trait Column: Send {
    /// Appends all `fields`. A field that cannot be read is one of the faults, and NULL here.
    fn append(&mut self, fields: &Fields<'_>, faults: &mut Faults) -> Result<(), Stop>;
    /// Appends those values of `array`, which a column of the same kind has made, whose bit is set.
    fn extend(&mut self, array: &dyn Array, kept: &BooleanBuffer);
    /// Takes back what was appended behind the first `rows` values.
    fn truncate(&mut self, rows: usize);
    /// The array so far; the column starts anew.
    fn finish(&mut self) -> ArrayRef;
}

/// How the fields of one column become values.
pub(crate) struct Reading<'a> {
    pub data_type: &'a DataType,
    /// Rows that are expected.
    pub rows: usize,
    pub locale: Locale,
    pub format: Option<Format>,
    pub truths: Truths,
}

/// Texts that are true and false, as they stand in the file, beside the usual ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truths {
    pub yes: Vec<Vec<u8>>,
    pub no: Vec<Vec<u8>>,
}

/// A column, if CSV fields can be read into its type.
pub(crate) fn column(reading: Reading<'_>) -> Option<Box<dyn Column>> {
    match number_column(&reading) {
        Some(column) => Some(column),
        None => other_column(reading),
    }
}

impl Reading<'_> {
    fn of<P: Parse + 'static>(&self, parser: P) -> Box<dyn Column> {
        Box::new(Primitive::new(parser, self.data_type, self.rows))
    }

    fn number<P: Parse + 'static>(&self, parser: P) -> Box<dyn Column> {
        let usual = Locale { decimal: b'.', thousands: None };
        if self.locale == usual { self.of(parser) } else { self.of(Localized::new(parser, self.locale)) }
    }

    fn moment<K: Moment + 'static>(&self) -> Box<dyn Column> {
        match &self.format {
            Some(format) => self.of(Formatted::<K>::new(format.clone())),
            None => self.of(Plain::<K>::default()),
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "types that CSV lacks, now and in later versions of arrow")]
fn number_column(reading: &Reading<'_>) -> Option<Box<dyn Column>> {
    Some(match reading.data_type {
        DataType::Int8 => reading.number(Plain::<values::I8>::default()),
        DataType::Int16 => reading.number(Plain::<values::I16>::default()),
        DataType::Int32 => reading.number(Plain::<values::I32>::default()),
        DataType::Int64 => reading.number(Plain::<values::I64>::default()),
        DataType::UInt8 => reading.number(Plain::<values::U8>::default()),
        DataType::UInt16 => reading.number(Plain::<values::U16>::default()),
        DataType::UInt32 => reading.number(Plain::<values::U32>::default()),
        DataType::UInt64 => reading.number(Plain::<values::U64>::default()),
        DataType::Float32 => reading.number(Plain::<values::F32>::default()),
        DataType::Float64 => reading.number(Plain::<values::F64>::default()),
        DataType::Decimal128(precision, scale) => reading.number(Decimals(Decimal::new(*precision, *scale)?)),
        _ => return None,
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "types that CSV lacks, now and in later versions of arrow")]
fn other_column(reading: Reading<'_>) -> Option<Box<dyn Column>> {
    Some(match reading.data_type {
        DataType::Null => Box::new(Nulls::default()),
        DataType::Boolean => Box::new(boolean::Booleans::new(reading.truths, reading.rows)),
        DataType::Utf8 => Box::new(text::Strings::<i32>::new(reading.rows)),
        DataType::LargeUtf8 => Box::new(text::Strings::<i64>::new(reading.rows)),
        DataType::Utf8View => Box::new(text::StringViews::new(reading.rows)),
        DataType::Date32 => reading.moment::<values::Date>(),
        DataType::Timestamp(_, Some(zone)) if !values::is_utc(zone) => return None,
        DataType::Timestamp(TimeUnit::Second, _) => reading.moment::<values::Seconds>(),
        DataType::Timestamp(TimeUnit::Millisecond, _) => reading.moment::<values::Millis>(),
        DataType::Timestamp(TimeUnit::Microsecond, _) => reading.moment::<values::Micros>(),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => reading.moment::<values::Nanos>(),
        _ => return None,
    })
}

/// A column of which nothing is known but that it is empty.
#[derive(Default)]
struct Nulls {
    rows: usize,
}

impl Column for Nulls {
    fn append(&mut self, fields: &Fields<'_>, faults: &mut Faults) -> Result<(), Stop> {
        for (row, place) in fields.places().enumerate() {
            if let Some(text) = fields.trimmed(place) {
                faults.add(fields, row, fields.bad_value(&text, "NULL"))?;
            }
        }
        self.rows += fields.count();
        Ok(())
    }

    fn extend(&mut self, _: &dyn Array, kept: &BooleanBuffer) {
        self.rows += kept.count_set_bits();
    }

    fn truncate(&mut self, rows: usize) {
        self.rows = rows;
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(NullArray::new(std::mem::take(&mut self.rows)))
    }
}
