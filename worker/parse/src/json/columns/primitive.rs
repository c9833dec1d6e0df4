//! Columns of fixed width: numbers, which are written as such, and dates and timestamps, which are written as strings.

use std::marker::PhantomData;
use std::mem;
use std::sync::Arc;

use arrow::array::types::{Float32Type, Float64Type};
use arrow::array::{ArrayRef, ArrowPrimitiveType, NullBufferBuilder, PrimitiveArray};
use arrow::datatypes::DataType;

use super::{Column, Making};
use crate::json::number::{Form, form, scaled};
use crate::json::reader::{Fault, Reader, Spot, Token};
use crate::values::{F32, F64, Format, I8, I16, I32, I64, Kind, Moment, U8, U16, U32, U64};

type Native<K> = <<K as Kind>::Arrow as ArrowPrimitiveType>::Native;

/// Values of one type and which of them are NULL.
struct Values<K: Kind> {
    spot: Spot,
    values: Vec<Native<K>>,
    nulls: NullBufferBuilder,
    data_type: DataType,
    rows: usize,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Values<K> {
    fn new(data_type: &DataType, spot: &Spot, rows: usize) -> Self {
        Values {
            spot: spot.clone(),
            values: Vec::with_capacity(rows),
            nulls: NullBufferBuilder::new(rows),
            data_type: data_type.clone(),
            rows,
            kind: PhantomData,
        }
    }

    #[inline]
    fn push(&mut self, value: Native<K>) {
        self.values.push(value);
        self.nulls.append_non_null();
    }

    fn push_nulls(&mut self, count: usize) {
        self.values.resize(self.values.len() + count, Default::default());
        self.nulls.append_n_nulls(count);
    }

    /// NULL in the place of the bad value since `start`, if that is the rule.
    fn push_bad(&mut self, reader: &mut Reader<'_>, start: usize) -> Result<(), Fault> {
        reader.bad_value(&self.spot, start, K::SQL)?;
        self.push_nulls(1);
        Ok(())
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.nulls.truncate(rows.min(self.nulls.len()));
    }

    fn finish(&mut self) -> ArrayRef {
        let values = mem::replace(&mut self.values, Vec::with_capacity(self.rows));
        let array = PrimitiveArray::<K::Arrow>::new(values.into(), self.nulls.finish());
        Arc::new(array.with_data_type(self.data_type.clone()))
    }
}

/// A kind of number.
pub(super) trait Number: Kind {
    /// The number that the first `len` bytes of `tail` spell, which have a point or an exponent.
    fn parse_fraction(tail: &[u8], len: usize) -> Option<Native<Self>>
    where
        Self: Sized;

    /// Infinities are not written as numbers; a number may still be too large.
    fn is_finite(value: Native<Self>) -> bool
    where
        Self: Sized;
}

macro_rules! integer {
    ($($kind:ident)*) => {
        $(impl Number for $kind {
            fn parse_fraction(tail: &[u8], len: usize) -> Option<Native<Self>> {
                scaled(&tail[..len], 0)?.try_into().ok()
            }

            #[inline(always)]
            fn is_finite(_value: Native<Self>) -> bool {
                true
            }
        })*
    };
}

integer!(I8 I16 I32 I64 U8 U16 U32 U64);

macro_rules! float {
    ($($kind:ident $arrow:ident)*) => {
        $(impl Number for $kind {
            #[inline(always)]
            fn parse_fraction(tail: &[u8], len: usize) -> Option<<$arrow as ArrowPrimitiveType>::Native> {
                Self::parse(tail, len)
            }

            #[inline(always)]
            fn is_finite(value: <$arrow as ArrowPrimitiveType>::Native) -> bool {
                value.is_finite()
            }
        })*
    };
}

float!(F32 Float32Type F64 Float64Type);

/// The number that `text` spells, which is the head of `tail`. Not a part of its callers, because it has two readers.
#[inline(never)]
fn parse<K: Number>(text: &[u8], tail: &[u8]) -> Option<Native<K>> {
    let value = match form(text) {
        Form::Whole => K::parse(tail, text.len()),
        Form::Fraction => K::parse_fraction(tail, text.len()),
        Form::Bad => None,
    };
    value.filter(|value| K::is_finite(*value))
}

/// A column of numbers.
pub(super) struct Numbers<K: Number>(Values<K>);

impl<K: Number> Numbers<K> {
    pub(super) fn new(data_type: &DataType, spot: &Spot, rows: usize) -> Self {
        Numbers(Values::new(data_type, spot, rows))
    }
}

impl<K: Number> Column for Numbers<K> {
    fn spot(&self) -> &Spot {
        &self.0.spot
    }

    fn append(&mut self, reader: &mut Reader<'_>, _is_last: bool) -> Result<(), Fault> {
        let start = reader.cursor.at();
        let tail = reader.cursor.tail();
        let value = match reader.token()? {
            Token::Number(text) => parse::<K>(text, tail),
            Token::String(raw) if reader.rules.coerce_strings => parse::<K>(raw.bytes, raw.bytes),
            Token::Special(text) if self.0.data_type.is_floating() => K::parse(text, text.len()),
            Token::Null => return self.append_missing(),
            Token::Boolean(_) | Token::Special(_) | Token::String(_) | Token::Container => None,
        };
        match value {
            Some(value) => self.0.push(value),
            None => self.0.push_bad(reader, start)?,
        }
        Ok(())
    }

    fn append_nulls(&mut self, count: usize) {
        self.0.push_nulls(count);
    }

    fn truncate(&mut self, rows: usize) {
        self.0.truncate(rows);
    }

    fn finish(&mut self) -> ArrayRef {
        self.0.finish()
    }
}

/// A column of dates or timestamps.
pub(super) struct Times<K: Moment> {
    values: Values<K>,
    format: Option<Format>,
}

impl<K: Moment> Times<K> {
    pub(super) fn new(data_type: &DataType, spot: &Spot, making: Making<'_>) -> Self {
        let format = making.options.formats.get(&*spot.path).and_then(|format| Format::compile(format).ok());
        Times { values: Values::new(data_type, spot, making.rows), format }
    }

    fn parse(&self, text: &[u8]) -> Option<Native<K>> {
        match &self.format {
            Some(format) => K::parse_as(format, text),
            None => K::parse(text, text.len()),
        }
    }
}

impl<K: Moment> Column for Times<K> {
    fn spot(&self) -> &Spot {
        &self.values.spot
    }

    fn append(&mut self, reader: &mut Reader<'_>, _is_last: bool) -> Result<(), Fault> {
        let start = reader.cursor.at();
        let value = match reader.token()? {
            Token::String(raw) if !raw.has_escapes => self.parse(raw.bytes),
            Token::String(raw) => match reader.meaning(raw.bytes, &self.values.spot)? {
                Some(text) => self.parse(&text),
                None => {
                    self.append_null();
                    return Ok(());
                }
            },
            Token::Null => return self.append_missing(),
            Token::Boolean(_) | Token::Number(_) | Token::Special(_) | Token::Container => None,
        };
        match value {
            Some(value) => self.values.push(value),
            None => self.values.push_bad(reader, start)?,
        }
        Ok(())
    }

    fn append_nulls(&mut self, count: usize) {
        self.values.push_nulls(count);
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
    }

    fn finish(&mut self) -> ArrayRef {
        self.values.finish()
    }
}
