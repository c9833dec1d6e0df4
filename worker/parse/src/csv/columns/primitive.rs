//! Columns of fixed width: numbers, dates, timestamps.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, NullBufferBuilder, PrimitiveArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;

use crate::csv::columns::Column;
use crate::csv::faults::{Faults, Stop};
use crate::csv::fields::{Fields, Place};
use crate::values::Kind;

/// How the fields of one column become values.
pub(super) trait Parse: Send {
    type Arrow: ArrowPrimitiveType;
    /// The type's name in SQL.
    fn sql(&self) -> &'static str;
    /// Reads the first `len` bytes of `tail`; what follows them may be anything. Knows nothing of blanks or quotes.
    fn parse(&self, tail: &[u8], len: usize) -> Option<Native<Self>>;
    /// Some value may hold a quote or an escape.
    fn takes_marks(&self) -> bool {
        false
    }
}

pub(super) type Native<P> = <<P as Parse>::Arrow as ArrowPrimitiveType>::Native;

/// The usual way of a type, without any option.
pub(super) struct Plain<K>(PhantomData<fn() -> K>);

impl<K> Default for Plain<K> {
    fn default() -> Self {
        Plain(PhantomData)
    }
}

impl<K: Kind> Parse for Plain<K> {
    type Arrow = K::Arrow;

    fn sql(&self) -> &'static str {
        K::SQL
    }

    #[inline(always)]
    fn parse(&self, tail: &[u8], len: usize) -> Option<Native<Self>> {
        K::parse(tail, len)
    }
}

/// An array under construction.
pub(super) struct Primitive<P: Parse> {
    parser: P,
    values: Vec<Native<P>>,
    nulls: NullBufferBuilder,
    data_type: DataType,
    rows: usize,
}

impl<P: Parse> Primitive<P> {
    pub(super) fn new(parser: P, data_type: &DataType, rows: usize) -> Self {
        let (values, nulls) = (Vec::with_capacity(rows), NullBufferBuilder::new(rows));
        Primitive { parser, values, nulls, data_type: data_type.clone(), rows }
    }

    /// Reads a value outside the loop over all: not a part of the callers, because some readers are long.
    #[inline(never)]
    fn parse_apart(&self, tail: &[u8], len: usize) -> Option<Native<P>> {
        self.parser.parse(tail, len)
    }

    /// A value in quotes with nothing else, if no value holds a quote or an escape itself.
    #[inline(never)]
    fn parse_quoted(&self, fields: &Fields<'_>, place: Place) -> Option<Native<P>> {
        match fields.raw(place) {
            [first, inner @ .., last]
                if first == last && Some(*first) == fields.rules.quote && !self.parser.takes_marks() =>
            {
                self.parse_apart(&fields.tail(place)[1..], inner.len())
            }
            _ => None,
        }
    }

    /// A field that is not simply a value: empty, quoted, with blanks, a null token, or bad.
    #[cold]
    #[inline(never)]
    fn append_other(&mut self, fields: &Fields<'_>, row: usize, place: Place, faults: &mut Faults) -> Result<(), Stop> {
        let Some(text) = fields.trimmed(place) else {
            self.append_null();
            return fields.null(row, faults);
        };
        match self.parse_apart(&text, text.len()) {
            Some(value) => {
                self.values.push(value);
                self.nulls.append_non_null();
                Ok(())
            }
            None => {
                self.append_null();
                faults.add(fields, row, fields.bad_value(&text, self.parser.sql()))
            }
        }
    }

    fn append_null(&mut self) {
        self.values.push(Default::default());
        self.nulls.append_null();
    }
}

impl<P: Parse> Column for Primitive<P> {
    fn append(&mut self, fields: &Fields<'_>, faults: &mut Faults) -> Result<(), Stop> {
        self.values.reserve(fields.count());
        let is_plain = !fields.has_tokens();
        // Values in a row without NULL.
        let mut run = 0;
        for (row, place) in fields.places().enumerate() {
            let value = self.parser.parse(fields.tail(place), place.len).or_else(|| self.parse_quoted(fields, place));
            match value {
                Some(value) if is_plain => {
                    self.values.push(value);
                    run += 1;
                    continue;
                }
                _ => self.nulls.append_n_non_nulls(std::mem::take(&mut run)),
            }
            if place.len == 0 && fields.nullable {
                self.append_null();
            } else {
                self.append_other(fields, row, place, faults)?;
            }
        }
        self.nulls.append_n_non_nulls(run);
        Ok(())
    }

    fn extend(&mut self, array: &dyn Array, kept: &BooleanBuffer) {
        let array = array.as_primitive::<P::Arrow>();
        let values = array.values();
        kept.set_slices().for_each(|(from, to)| self.values.extend_from_slice(&values[from..to]));
        match array.nulls() {
            Some(nulls) => kept.set_indices().for_each(|index| self.nulls.append(nulls.is_valid(index))),
            None => self.nulls.append_n_non_nulls(kept.count_set_bits()),
        }
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.nulls.truncate(rows);
    }

    fn finish(&mut self) -> ArrayRef {
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(self.rows));
        let array = PrimitiveArray::<P::Arrow>::new(values.into(), self.nulls.finish());
        Arc::new(array.with_data_type(self.data_type.clone()))
    }
}
