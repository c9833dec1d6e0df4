//! Answers as rows of cells, and when two of them are the same.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// One value.
#[derive(Clone, Debug)]
pub enum Cell {
    Text(String),
    Float(f64),
}

impl Cell {
    /// Order for multisets; floats come last and roughly.
    fn key(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Float(value) => format!("{value:.7e}"),
        }
    }

    fn is(&self, other: &Cell) -> bool {
        match (self, other) {
            (Cell::Text(one), Cell::Text(two)) => one == two,
            (Cell::Float(one), Cell::Float(two)) => {
                one == two || (one.is_nan() && two.is_nan()) || (one - two).abs() <= 1e-12 * one.abs().max(two.abs())
            }
            (Cell::Text(_), Cell::Float(_)) | (Cell::Float(_), Cell::Text(_)) => false,
        }
    }
}

/// All rows of some batches.
pub fn rows(batches: &[RecordBatch]) -> Vec<Vec<Cell>> {
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|row| cells(batch, row))).collect()
}

fn cells(batch: &RecordBatch, row: usize) -> Vec<Cell> {
    let options = FormatOptions::default().with_null("NULL");
    let cell = |column: &dyn Array| {
        if column.data_type() == &DataType::Float64 && column.is_valid(row) {
            return Cell::Float(column.as_primitive::<Float64Type>().value(row));
        }
        Cell::Text(ArrayFormatter::try_new(column, &options).unwrap().value(row).to_string())
    };
    batch.columns().iter().map(|column| cell(column.as_ref())).collect()
}

/// Fails unless both hold the same rows, in the same order if that matters.
pub fn assert_same(sql: &str, ours: &[RecordBatch], plain: &[RecordBatch], ordered: bool) {
    let (mut ours, mut plain) = (rows(ours), rows(plain));
    if !ordered {
        let key = |row: &Vec<Cell>| row.iter().map(Cell::key).collect::<Vec<_>>();
        ours.sort_by_cached_key(key);
        plain.sort_by_cached_key(key);
    }
    assert_eq!(ours.len(), plain.len(), "number of rows of {sql}\nours: {ours:?}\nplain: {plain:?}");
    for (number, (one, two)) in ours.iter().zip(&plain).enumerate() {
        let same = one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.is(two));
        assert!(same, "row {number} of {sql}\nours:  {one:?}\nplain: {two:?}");
    }
}
