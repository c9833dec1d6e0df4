//! Columns of arrays.

use std::mem;
use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, NullBufferBuilder};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::FieldRef;

use super::{Column, Making, Unsupported, column};
use crate::json::reader::{Fault, Reader, Spot, Token};

pub(super) struct Lists {
    spot: Spot,
    field: FieldRef,
    elements: Box<dyn Column>,
    offsets: Vec<i32>,
    /// Elements so far.
    count: i32,
    nulls: NullBufferBuilder,
}

impl Lists {
    pub(super) fn new(field: &FieldRef, spot: Spot, making: Making<'_>) -> Result<Self, Unsupported> {
        let elements = column(field, &format!("{}[]", spot.path), making)?;
        let nulls = NullBufferBuilder::new(making.rows);
        Ok(Lists { spot, field: Arc::clone(field), elements, offsets: vec![0], count: 0, nulls })
    }

    /// Appends the elements of the array whose bracket was just passed.
    fn append_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), Fault> {
        reader.cursor.skip_blanks();
        if reader.cursor.peek() == b']' {
            reader.cursor.step();
            return Ok(());
        }
        loop {
            self.elements.append(reader, false)?;
            // An element takes two bytes at least; batches are closed before they have as many bytes.
            self.count += 1;
            if !reader.cursor.comma_or(b']')? {
                return Ok(());
            }
        }
    }
}

impl Column for Lists {
    fn spot(&self) -> &Spot {
        &self.spot
    }

    fn append(&mut self, reader: &mut Reader<'_>, _is_last: bool) -> Result<(), Fault> {
        if reader.cursor.peek() == b'[' {
            reader.cursor.step();
            self.append_elements(reader)?;
            self.offsets.push(self.count);
            self.nulls.append_non_null();
            return Ok(());
        }
        let start = reader.cursor.at();
        if matches!(reader.token()?, Token::Null) {
            return self.append_missing();
        }
        reader.bad_value(&self.spot, start, "LIST")?;
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
        self.elements.truncate(self.count as usize);
        self.nulls.truncate(rows.min(self.nulls.len()));
    }

    fn finish(&mut self) -> ArrayRef {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(mem::replace(&mut self.offsets, vec![0])));
        self.count = 0;
        let array = ListArray::try_new(Arc::clone(&self.field), offsets, self.elements.finish(), self.nulls.finish());
        Arc::new(array.expect("the last offset is the number of elements, which have the field's type"))
    }
}
