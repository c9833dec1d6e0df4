//! What a test asks for, made from a few numbers so that property tests and fuzzers can draw it.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::array_value_to_string;
use bobbin_parse::csv::{CsvOptions, Encoding};
use bobbin_parse::{Extra, OnBad, RowFilter, Wanted, Yield};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Text,
    Integer,
    Boolean,
    /// `DECIMAL(5, 1)`.
    Decimal,
}

/// Options, columns, and what is wanted of them.
#[derive(Clone, Debug)]
pub struct Case {
    pub options: CsvOptions,
    pub types: Vec<Type>,
    pub nullable: Vec<bool>,
    pub projection: Vec<usize>,
    /// Index into the projection of the column that the filter looks at.
    pub filter: Option<usize>,
    pub batch_rows: usize,
}

impl Case {
    /// The case that `seed` says.
    pub fn new(seed: [u8; 12]) -> Case {
        let bit = |byte: usize, bit: u8| seed[byte] >> bit & 1 == 1;
        // Rare options are on where a byte is small, so that most cases have few of them.
        let rare = |byte: usize| seed[byte] < 64;
        let header = bit(0, 0);
        let columns = 1 + usize::from(seed[1] % 4);
        let types = (0..columns).map(|column| match seed[2] >> (2 * column) & 3 {
            0 => Type::Text,
            1 => Type::Integer,
            2 => Type::Boolean,
            _ => Type::Decimal,
        });
        let projection: Vec<usize> = (0..columns).filter(|column| bit(3, *column as u8)).collect();
        let filter = (bit(3, 4) && !projection.is_empty()).then(|| usize::from(seed[4]) % projection.len());
        let options = CsvOptions {
            quote: (seed[5] & 7 != 0).then_some(b'"'),
            escape: (seed[5] >> 3 & 3 == 0).then_some(b'\\'),
            comment: rare(6).then(|| if bit(6, 0) { "#" } else { "##" }.to_owned()),
            header,
            skip_rows: if rare(7) { usize::from(seed[7] % 3) } else { 0 },
            skip_rows_after_header: if rare(8) && header { usize::from(seed[8] % 3) } else { 0 },
            skip_initial_space: bit(9, 0) && bit(9, 1),
            allow_short_rows: bit(9, 2) && bit(9, 3),
            allow_trailing_sep: bit(9, 4) && bit(9, 5),
            encoding: [Encoding::Utf8, Encoding::Utf8, Encoding::Utf8Lossy, Encoding::Latin1]
                [usize::from(seed[9] >> 6)],
            null_tokens: if bit(0, 1) { vec!["NA".into(), "\\N".into(), "-".into()] } else { Vec::new() },
            true_values: if bit(0, 2) { vec!["1".into()] } else { Vec::new() },
            false_values: if bit(0, 3) { vec!["0".into()] } else { Vec::new() },
            decimal_separator: if bit(0, 4) { b';' } else { b'.' },
            thousands: bit(0, 5).then_some(b'_'),
            on_bad: [OnBad::Fail, OnBad::Skip, OnBad::Null][usize::from(seed[10] % 3)],
            ..CsvOptions::default()
        };
        let nullable = (0..columns).map(|column| seed[11] >> column & 1 == 1 || bit(11, 7)).collect();
        let batch_rows = 1 + usize::from(seed[10] / 3 % 16);
        Case { options, types: types.collect(), nullable, projection, filter, batch_rows }
    }

    pub fn name(&self, column: usize) -> String {
        format!("c{column}")
    }

    pub fn schema(&self) -> SchemaRef {
        let data_type = |of: &Type| match of {
            Type::Text => DataType::Utf8View,
            Type::Integer => DataType::Int64,
            Type::Boolean => DataType::Boolean,
            Type::Decimal => DataType::Decimal128(5, 1),
        };
        let field =
            |column: usize| Field::new(self.name(column), data_type(&self.types[column]), self.nullable[column]);
        Arc::new(Schema::new((0..self.types.len()).map(field).collect::<Vec<_>>()))
    }

    pub fn wanted(&self, yields: Yield) -> Wanted {
        let filter = self.filter.map(|column| Box::new(Filter { column: [column] }) as Box<dyn RowFilter>);
        Wanted {
            extras: vec![Extra::Offset, Extra::RowNumber],
            filter,
            yields,
            ..Wanted::rows(self.schema(), &self.projection, self.batch_rows)
        }
    }

    /// Whether the filter keeps a record with this value.
    pub fn keeps(value: Option<&str>) -> bool {
        value.is_none_or(|value| value.len() != 1)
    }
}

struct Filter {
    column: [usize; 1],
}

impl RowFilter for Filter {
    fn columns(&self) -> &[usize] {
        &self.column
    }

    fn keep(&mut self, columns: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let array = columns.column(0);
        let value = |row| array.is_valid(row).then(|| array_value_to_string(array, row)).transpose();
        (0..array.len()).map(|row| Ok(Some(Case::keeps(value(row)?.as_deref())))).collect()
    }
}
