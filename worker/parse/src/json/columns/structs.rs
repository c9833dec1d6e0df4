//! Columns of objects with known keys.

use std::sync::Arc;

use arrow::array::{ArrayRef, NullBufferBuilder, StructArray};
use arrow::datatypes::Fields as ArrowFields;

use super::{Column, Fields, Making, Unsupported};
use crate::json::reader::{Fault, Reader, Spot, Token};

pub(super) struct Structs {
    spot: Spot,
    schema: ArrowFields,
    fields: Fields,
    nulls: NullBufferBuilder,
}

impl Structs {
    pub(super) fn new(schema: &ArrowFields, spot: Spot, making: Making<'_>) -> Result<Self, Unsupported> {
        let fields = Fields::new(schema, &spot.path, making)?;
        Ok(Structs { spot, schema: schema.clone(), fields, nulls: NullBufferBuilder::new(making.rows) })
    }
}

impl Column for Structs {
    fn spot(&self) -> &Spot {
        &self.spot
    }

    fn append(&mut self, reader: &mut Reader<'_>, is_last: bool) -> Result<(), Fault> {
        if reader.cursor.peek() == b'{' {
            reader.cursor.step();
            self.fields.append(reader, is_last)?;
            self.nulls.append_non_null();
            return Ok(());
        }
        let start = reader.cursor.at();
        if matches!(reader.token()?, Token::Null) {
            return self.append_missing();
        }
        reader.bad_value(&self.spot, start, "STRUCT")?;
        self.append_null();
        Ok(())
    }

    fn append_nulls(&mut self, count: usize) {
        self.fields.append_nulls(count);
        self.nulls.append_n_nulls(count);
    }

    fn truncate(&mut self, rows: usize) {
        self.fields.truncate(rows);
        self.nulls.truncate(rows.min(self.nulls.len()));
    }

    fn finish(&mut self) -> ArrayRef {
        let rows = self.nulls.len();
        let array =
            StructArray::try_new_with_length(self.schema.clone(), self.fields.finish(), self.nulls.finish(), rows);
        Arc::new(array.expect("each member got one value a row, of its type; NULL where forbidden only below a NULL"))
    }
}
