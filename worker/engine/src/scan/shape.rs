//! What all splits of one scan have in common.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use bobbin_parse::{Extra, Yield, rejects_schema};
use datafusion::common::Result;

use crate::scan::ScanFilter;
use crate::tables::Reading;

/// What all splits of one scan have in common.
#[derive(Clone, Debug)]
pub(crate) struct ScanShape {
    /// The table as the query writes it.
    pub table: Arc<str>,
    /// All columns of the table: those of the files, then those of the paths, then those about the records.
    pub columns: TableColumns,
    /// Wanted columns of the table, ascending.
    pub projection: Arc<[usize]>,
    /// How records are written, and what to do with bad ones.
    pub reading: Arc<Reading>,
    /// Refuses records before their other columns are read.
    pub filter: Option<Arc<ScanFilter>>,
    /// Rows after which a split may stop.
    pub fetch: Option<usize>,
    /// Bytes of an average record, for estimates.
    pub record_bytes: u64,
}

/// The columns of a table by where they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableColumns {
    /// Columns of the files.
    pub file: SchemaRef,
    /// Columns whose values are in the files' paths.
    pub partitions: Vec<FieldRef>,
    /// Columns about the records.
    pub extras: Vec<ExtraColumn>,
    /// What rows are.
    pub yields: Yield,
}

/// A column that is in no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExtraColumn {
    /// Its name.
    pub name: String,
    /// What it says.
    pub kind: ExtraKind,
}

/// What a column says that is in no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum ExtraKind {
    /// The URL of the record's file.
    Filename = 0,
    /// The offset of the record's first byte.
    Offset = 1,
    /// The record's number in its file, from 0.
    RowNumber = 2,
}

/// Where a column of a table comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This column of the files (or of the rejects).
    File(usize),
    /// This partition column.
    Partition(usize),
    /// The file's URL.
    Filename,
    /// The decoder says it of each record.
    Record(Extra),
}

impl ExtraColumn {
    fn field(&self) -> Field {
        match self.kind {
            ExtraKind::Filename => Field::new(&self.name, DataType::Utf8View, false),
            ExtraKind::Offset | ExtraKind::RowNumber => Field::new(&self.name, DataType::Int64, false),
        }
    }
}

impl TableColumns {
    /// What the decoder gives of a file.
    fn decoded(&self) -> SchemaRef {
        match self.yields {
            Yield::Rows => Arc::clone(&self.file),
            Yield::Rejects => rejects_schema(),
        }
    }

    /// All of them.
    pub fn schema(&self) -> SchemaRef {
        let decoded = self.decoded();
        let partitions = self.partitions.iter().cloned();
        let extras = self.extras.iter().map(|extra| Arc::new(extra.field()));
        let fields: Vec<FieldRef> = decoded.fields().iter().cloned().chain(partitions).chain(extras).collect();
        Arc::new(Schema::new(fields))
    }

    /// Where the column with this number comes from.
    pub fn origin(&self, column: usize) -> Origin {
        let files = self.decoded().fields().len();
        if column < files {
            return Origin::File(column);
        }
        let column = column - files;
        match self.extras.get(column.wrapping_sub(self.partitions.len())).map(|extra| extra.kind) {
            None => Origin::Partition(column),
            Some(ExtraKind::Filename) => Origin::Filename,
            Some(ExtraKind::Offset) => Origin::Record(Extra::Offset),
            Some(ExtraKind::RowNumber) => Origin::Record(Extra::RowNumber),
        }
    }
}

impl ScanShape {
    /// The columns of the scan's rows.
    pub fn schema(&self) -> Result<SchemaRef> {
        Ok(Arc::new(self.columns.schema().project(&self.projection)?))
    }

    /// Whether some wanted column is known only to who reads a file from its beginning.
    pub fn counts_rows(&self) -> bool {
        self.projection.iter().any(|&column| self.columns.origin(column) == Origin::Record(Extra::RowNumber))
    }
}
