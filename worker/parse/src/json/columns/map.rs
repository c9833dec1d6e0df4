//! Columns of objects whose keys are data.

use std::borrow::Cow;
use std::collections::HashSet;
use std::mem;
use std::sync::Arc;

use arrow::array::{ArrayRef, MapArray, NullBufferBuilder, StructArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, FieldRef, Fields};

use super::{Column, Making, Unsupported, column};
use crate::json::reader::{Fault, Reader, Spot, Token};

/// Up to so many keys are compared one by one.
const FEW: usize = 16;

pub(super) struct Maps {
    spot: Spot,
    field: FieldRef,
    entries: Fields,
    keys: Box<dyn Column>,
    values: Box<dyn Column>,
    offsets: Vec<i32>,
    /// Entries so far.
    count: i32,
    nulls: NullBufferBuilder,
}

/// The keys of the current object, told apart.
#[derive(Default)]
struct Seen<'a> {
    few: Vec<Cow<'a, [u8]>>,
    many: HashSet<Cow<'a, [u8]>>,
}

impl Maps {
    pub(super) fn new(field: &FieldRef, spot: Spot, making: Making<'_>) -> Result<Self, Unsupported> {
        let unsupported = || Unsupported { path: Arc::clone(&spot.path), data_type: field.data_type().clone() };
        let DataType::Struct(entries) = field.data_type() else { return Err(unsupported()) };
        let [key, value] = &entries[..] else { return Err(unsupported()) };
        if !matches!(key.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
            return Err(unsupported());
        }
        // A key that has no meaning cannot be NULL.
        let key = key.as_ref().clone().with_nullable(false);
        let keys = column(&key, &format!("{}.*", spot.path), making)?;
        let values = column(value, &format!("{}.*", spot.path), making)?;
        let nulls = NullBufferBuilder::new(making.rows);
        let (field, entries) = (Arc::clone(field), entries.clone());
        Ok(Maps { spot, field, entries, keys, values, offsets: vec![0], count: 0, nulls })
    }

    /// Appends the members of the object whose brace was just passed. The first of equal keys counts.
    fn append_members(&mut self, reader: &mut Reader<'_>) -> Result<(), Fault> {
        reader.cursor.skip_blanks();
        if reader.cursor.peek() == b'}' {
            reader.cursor.step();
            return Ok(());
        }
        let mut seen = Seen::default();
        loop {
            let start = reader.cursor.at();
            let raw = reader.cursor.key()?;
            let end = reader.cursor.at();
            if raw.key().is_none_or(|key| seen.is_new(key)) {
                reader.cursor.back(start);
                self.keys.append(reader, false)?;
                debug_assert_eq!(reader.cursor.at(), end);
                reader.cursor.colon()?;
                self.values.append(reader, false)?;
                self.count += 1;
            } else {
                reader.cursor.colon()?;
                reader.cursor.skip_value()?;
            }
            if !reader.cursor.comma_or(b'}')? {
                return Ok(());
            }
        }
    }
}

impl<'a> Seen<'a> {
    /// Takes a key into account; false if it was there.
    fn is_new(&mut self, key: Cow<'a, [u8]>) -> bool {
        if !self.many.is_empty() {
            return self.many.insert(key);
        }
        if self.few.contains(&key) {
            return false;
        }
        self.few.push(key);
        if self.few.len() > FEW {
            self.many = self.few.drain(..).collect();
        }
        true
    }
}

impl Column for Maps {
    fn spot(&self) -> &Spot {
        &self.spot
    }

    fn append(&mut self, reader: &mut Reader<'_>, _is_last: bool) -> Result<(), Fault> {
        if reader.cursor.peek() == b'{' {
            reader.cursor.step();
            self.append_members(reader)?;
            self.offsets.push(self.count);
            self.nulls.append_non_null();
            return Ok(());
        }
        let start = reader.cursor.at();
        if matches!(reader.token()?, Token::Null) {
            return self.append_missing();
        }
        reader.bad_value(&self.spot, start, "MAP")?;
        self.append_null();
        Ok(())
    }

    fn append_nulls(&mut self, count: usize) {
        self.offsets.resize(self.offsets.len() + count, self.count);
        self.nulls.append_n_nulls(count);
    }

    fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        self.count = self.offsets.last().copied().unwrap_or(0);
        self.keys.truncate(self.count as usize);
        self.values.truncate(self.count as usize);
        self.nulls.truncate(rows.min(self.nulls.len()));
    }

    fn finish(&mut self) -> ArrayRef {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(mem::replace(&mut self.offsets, vec![0])));
        let count = mem::take(&mut self.count) as usize;
        let columns = vec![self.keys.finish(), self.values.finish()];
        let entries = StructArray::try_new_with_length(self.entries.clone(), columns, None, count)
            .expect("keys and values grew together, and have their fields' types");
        let array = MapArray::try_new(Arc::clone(&self.field), offsets, entries, self.nulls.finish(), false);
        Arc::new(array.expect("the last offset is the number of entries, of which none is NULL"))
    }
}
