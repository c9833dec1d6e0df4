//! From the columns that a decoder reads of one file to columns of the table: constants of the path, columns that this
//! file lacks, columns about the record.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bobbin_parse::{Extra, Wanted, Yield};
use datafusion::common::{Result, ScalarValue, internal_datafusion_err};

use crate::scan::filter::{self, SplitFilter};
use crate::scan::shape::{Origin, ScanShape};
use crate::scan::splits::Split;

/// Makes columns of a table from what was read.
#[derive(Clone, Debug)]
pub(crate) struct Assembly {
    schema: SchemaRef,
    parts: Vec<Part>,
}

/// Where one column comes from.
#[derive(Clone, Debug)]
enum Part {
    /// This one of the read columns.
    Read(usize),
    /// The same value in all rows.
    Constant(ScalarValue),
    /// The file does not have it.
    Missing(DataType),
}

impl Assembly {
    /// The columns of `read`, put together.
    pub fn assemble(&self, read: &RecordBatch) -> Result<RecordBatch> {
        let rows = read.num_rows();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            columns.push(match part {
                Part::Read(at) => Arc::clone(read.column(*at)),
                Part::Constant(value) => value.to_array_of_size(rows)?,
                Part::Missing(data_type) => new_null_array(data_type, rows),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

/// How one split is read: what is asked of the decoder, and what becomes of its batches.
#[derive(Debug)]
pub(crate) struct Layout {
    /// What to ask the decoder for.
    pub wanted: Wanted,
    /// Makes rows of the scan from its batches.
    pub rows: Assembly,
}

/// Which columns of one split's file are read.
struct Reads<'a> {
    shape: &'a ScanShape,
    split: &'a Split,
    /// Columns of the file, ascending.
    columns: Vec<usize>,
    extras: Vec<Extra>,
}

impl Layout {
    /// The layout of a split; batches have at most `batch_rows` rows.
    pub fn new(shape: &ScanShape, split: &Split, batch_rows: usize) -> Result<Self> {
        let reads = Reads::new(shape, split);
        let rows = reads.assembly(&shape.projection, shape.schema()?)?;
        let filter = match &shape.filter {
            Some(filter) => {
                let schema = filter::schema_of(filter, &shape.columns.schema())?;
                let (seen, columns) = reads.filter_columns(&filter.columns, schema)?;
                Some(Box::new(SplitFilter::new(filter, seen, columns)) as Box<_>)
            }
            None => None,
        };
        let wanted = Wanted {
            file_schema: reads.file_schema(),
            projection: reads.columns.clone(),
            extras: reads.extras.clone(),
            filter,
            yields: shape.columns.yields,
            batch_rows,
        };
        Ok(Self { wanted, rows })
    }
}

impl<'a> Reads<'a> {
    fn new(shape: &'a ScanShape, split: &'a Split) -> Self {
        let mut reads = Self { shape, split, columns: Vec::new(), extras: Vec::new() };
        if shape.columns.yields == Yield::Rejects {
            // All columns are read, or nobody would know which records are bad.
            reads.columns = (0..reads.file_schema().fields().len()).collect();
            return reads;
        }
        let filtered = shape.filter.iter().flat_map(|filter| &filter.columns);
        for &column in shape.projection.iter().chain(filtered) {
            match shape.columns.origin(column) {
                Origin::File(column) => reads.columns.extend(reads.in_file(column)),
                Origin::Record(extra) if !reads.extras.contains(&extra) => reads.extras.push(extra),
                Origin::Record(_) | Origin::Partition(_) | Origin::Filename => {}
            }
        }
        reads.columns.sort_unstable();
        reads.columns.dedup();
        reads
    }

    /// The file's number of one of the table's columns, if the file has it.
    fn in_file(&self, column: usize) -> Option<usize> {
        let columns = &self.split.facts.columns;
        if columns.is_empty() { Some(column) } else { columns.iter().position(|&of_table| of_table == column) }
    }

    /// All columns of the file, with the table's types.
    fn file_schema(&self) -> SchemaRef {
        let table = &self.shape.columns.file;
        let columns = &self.split.facts.columns;
        if columns.is_empty() {
            return Arc::clone(table);
        }
        Arc::new(Schema::new(columns.iter().map(|&column| Arc::clone(&table.fields()[column])).collect::<Vec<_>>()))
    }

    /// Makes these columns of the table from all columns that are read.
    fn assembly(&self, columns: &[usize], schema: SchemaRef) -> Result<Assembly> {
        let parts = columns.iter().zip(schema.fields()).map(|(&column, field)| self.part(column, field));
        Ok(Assembly { parts: parts.collect::<Result<_>>()?, schema })
    }

    fn part(&self, column: usize, field: &Field) -> Result<Part> {
        Ok(match self.shape.columns.origin(column) {
            Origin::File(column) if self.shape.columns.yields == Yield::Rejects => Part::Read(column),
            Origin::File(column) => match self.in_file(column).map(|at| self.columns.binary_search(&at)) {
                Some(Ok(at)) => Part::Read(at),
                Some(Err(_)) => return Err(internal_datafusion_err!("column {} is not read", field.name())),
                None => Part::Missing(field.data_type().clone()),
            },
            Origin::Partition(number) => Part::Constant(self.partition(number, field.data_type())?),
            Origin::Filename => Part::Constant(ScalarValue::Utf8View(Some(self.split.file.url.clone()))),
            Origin::Record(extra) => {
                let at = self.extras.iter().position(|&known| known == extra);
                Part::Read(self.columns.len() + at.unwrap_or_default())
            }
        })
    }

    fn partition(&self, number: usize, data_type: &DataType) -> Result<ScalarValue> {
        match self.split.facts.values.get(number).cloned().flatten() {
            Some(text) => ScalarValue::try_from_string(text, data_type),
            None => ScalarValue::try_from(data_type),
        }
    }

    /// Which of the read columns a condition over these columns of the table looks at, and how to make those of them.
    fn filter_columns(&self, columns: &[usize], schema: SchemaRef) -> Result<(Vec<usize>, Assembly)> {
        let mut assembly = self.assembly(columns, schema)?;
        let mut seen: Vec<usize> = Vec::new();
        seen.extend(assembly.parts.iter().filter_map(|part| if let Part::Read(at) = part { Some(*at) } else { None }));
        seen.sort_unstable();
        seen.dedup();
        for part in &mut assembly.parts {
            if let Part::Read(at) = part {
                *at = seen.partition_point(|known| *known < *at);
            }
        }
        Ok((seen, assembly))
    }
}
