//! Rows by the values of columns that become directories.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bobbin_blocks::partition;

/// Divides batches.
#[derive(Clone, Debug)]
pub(super) struct Partitioner {
    /// The columns that become directories.
    by: Vec<usize>,
    /// The others.
    rest: Vec<usize>,
    names: Vec<String>,
    /// The columns of files.
    pub schema: SchemaRef,
}

impl Partitioner {
    /// Divides rows of `schema` by these of its columns.
    pub fn new(schema: &SchemaRef, by: &[usize]) -> Self {
        let rest: Vec<usize> = (0..schema.fields().len()).filter(|at| !by.contains(at)).collect();
        let names = by.iter().map(|&at| schema.field(at).name().clone()).collect();
        let fields: Vec<_> = rest.iter().map(|&at| Arc::clone(&schema.fields()[at])).collect();
        Self { by: by.to_vec(), rest, names, schema: Arc::new(Schema::new(fields)) }
    }

    /// The rows by directory, each in its order.
    pub fn divide(&self, batch: &RecordBatch) -> Result<Vec<(String, RecordBatch)>, ArrowError> {
        if self.by.is_empty() {
            return Ok(vec![(String::new(), batch.clone())]);
        }
        let options = FormatOptions::default().with_display_error(false);
        let columns: Vec<_> = self.by.iter().map(|&at| batch.column(at)).collect();
        let values = columns.iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        let mut rows: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for row in 0..batch.num_rows() {
            let mut directory = String::new();
            for ((name, column), value) in self.names.iter().zip(&columns).zip(&values) {
                let value = (!column.is_null(row)).then(|| value.value(row).to_string());
                if !directory.is_empty() {
                    directory.push('/');
                }
                directory += &partition::directory(name, value.as_deref());
            }
            rows.entry(directory).or_default().push(row as u32);
        }
        let rest = batch.project(&self.rest)?;
        let part = |(directory, rows): (String, Vec<u32>)| {
            Ok((directory, take_record_batch(&rest, &UInt32Array::from(rows))?))
        };
        rows.into_iter().map(part).collect()
    }
}
