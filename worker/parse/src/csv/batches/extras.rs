//! Columns about the records themselves.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, Field, FieldRef};

use super::Scanned;
use crate::Extra;

/// Columns about the records themselves, under construction.
pub(super) struct Extras {
    columns: Vec<(Extra, Vec<i64>)>,
}

impl Extras {
    pub(super) fn new(extras: &[Extra]) -> Self {
        Extras { columns: extras.iter().map(|extra| (*extra, Vec::new())).collect() }
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = FieldRef> {
        self.columns.iter().map(|(extra, _)| {
            let name = match extra {
                Extra::Offset => "offset",
                Extra::RowNumber => "row_number",
            };
            Arc::new(Field::new(name, DataType::Int64, false))
        })
    }

    /// Appends what is known of the records of a scan.
    pub(super) fn append(&mut self, scanned: &Scanned<'_>, stride: usize) {
        let rows = &scanned.rows;
        for (extra, values) in &mut self.columns {
            match extra {
                Extra::Offset => {
                    let starts = rows.positions.chunks_exact(stride).take(rows.count);
                    values.extend(starts.map(|row| (scanned.offset + u64::from(row[0])).cast_signed()));
                }
                Extra::RowNumber => {
                    let numbers = (0..rows.count).map(|row| scanned.number + rows.origin(row) as u64);
                    values.extend(numbers.map(u64::cast_signed));
                }
            }
        }
    }

    pub(super) fn finish(&mut self) -> impl Iterator<Item = ArrayRef> {
        self.columns.iter_mut().map(|(_, values)| Arc::new(Int64Array::from(std::mem::take(values))) as ArrayRef)
    }
}
