//! What becomes of records that cannot be read.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::RecordError;

/// What to do with a record that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBad {
    /// The scan ends with an error that names the place, the reason and the way out.
    #[default]
    Fail,
    /// The record is left out, and counted.
    Skip,
    /// The record stays, with NULL for what cannot be read (missing fields are NULL, fields beyond the last column are
    /// dropped), and is counted. A line of JSON that is no object becomes a row of NULLs; a record of CSV of which nothing can be
    /// read is left out, and counted.
    Null,
}

/// The bad records of a scan, counted by reason. Nothing is left out or changed without being here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BadRecords {
    /// How many records had a fault of each kind, by [`crate::Reason::kind`]; a record counts once, by its first fault.
    pub counts: BTreeMap<&'static str, u64>,
    /// The first few of each kind.
    pub samples: Vec<RecordError>,
}

impl BadRecords {
    /// Samples that are kept of each kind.
    pub const SAMPLES: u64 = 3;

    /// How many records were bad.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Counts a record.
    pub fn add(&mut self, error: RecordError) {
        let count = self.counts.entry(error.reason.kind()).or_default();
        *count += 1;
        if *count <= Self::SAMPLES {
            self.samples.push(error);
        }
    }
}

/// The columns of [`crate::Yield::Rejects`]: where each bad record is, what is wrong with it, and its text (at most
/// 4096 bytes of it, what is not UTF-8 replaced). `line` is NULL where only a later split knows it.
pub fn rejects_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("offset", DataType::Int64, false),
        Field::new("line", DataType::Int64, true),
        Field::new("column", DataType::Utf8View, true),
        Field::new("kind", DataType::Utf8View, false),
        Field::new("reason", DataType::Utf8View, false),
        Field::new("record", DataType::Utf8View, false),
    ]))
}
