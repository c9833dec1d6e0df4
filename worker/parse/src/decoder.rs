//! What a scan wants of a split, and what every format's decoder answers.

use std::fmt;
use std::ops::Range;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::{BadRecords, Borders, RecordError};

/// What a scan wants of the records of a split.
pub struct Wanted {
    /// All columns of the file.
    pub file_schema: SchemaRef,
    /// Indices of the wanted columns in `file_schema`, ascending; none: records are only counted.
    pub projection: Vec<usize>,
    /// Columns that are not in the file, behind those of `projection`, in this order.
    pub extras: Vec<Extra>,
    /// Records that it refuses are left out, their other columns unread, so that a fault there is not seen either;
    /// `None`: all are wanted.
    pub filter: Option<Box<dyn RowFilter>>,
    /// What batches hold.
    pub yields: Yield,
    /// Rows of every batch but the last; under a filter, most rows of a batch, because nobody knows before which records
    /// of a scan stay. A batch of very long records is closed earlier.
    pub batch_rows: usize,
}

/// A column about the record itself, called `offset` or `row_number`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// Offset of the record's first byte in the (decompressed) file; `Int64`, not nullable.
    Offset,
    /// Number of the record in its file, from 0, bad ones that are left out included; `Int64`, not nullable. Only a
    /// split that begins its file knows it.
    RowNumber,
}

/// What the batches of a decoder hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Yield {
    /// The good records.
    #[default]
    Rows,
    /// The bad ones, as [`crate::rejects_schema`] says; nothing is a failure then.
    Rejects,
}

/// Refuses records by some of their columns.
pub trait RowFilter: Send {
    /// The columns that it looks at: indices into [`Wanted::projection`], ascending.
    fn columns(&self) -> &[usize];

    /// One value a row of `columns`, which holds the columns that it looks at; NULL is no.
    ///
    /// # Errors
    /// When the condition cannot be computed; the scan ends with it.
    fn keep(&mut self, columns: &RecordBatch) -> Result<BooleanArray, ArrowError>;
}

/// Decodes the records that begin in a split. Pure: the caller fetches the bytes that [`Self::wants`] names.
pub trait Decoder: Send {
    /// The bytes to fetch next, or `None` when the split is finished. Fewer may be fed, from the same start.
    fn wants(&self) -> Option<Range<u64>>;

    /// Decodes `bytes`, which lie at `offset` of the file: where [`Self::wants`] starts.
    ///
    /// # Errors
    /// A record that ends the scan; the decoder is finished then, and batches before the record may still be taken.
    fn feed(&mut self, offset: u64, bytes: &[u8]) -> Result<(), RecordError>;

    /// The file ends with the bytes that were fed last: for a split whose file's length nobody knows
    /// ([`crate::SplitRange::UNKNOWN`], a compressed file).
    ///
    /// # Errors
    /// As [`Self::feed`].
    fn end_of_file(&mut self) -> Result<(), RecordError>;

    /// The next batch that is ready, in the file's order.
    fn next_batch(&mut self) -> Option<RecordBatch>;

    /// Where records begin at the split's ends; complete when [`Self::wants`] is `None` and no error occurred. After an
    /// error `first_record` is right all the same if the error is not about the way to it.
    fn borders(&self) -> Borders;

    /// The bad records so far that were left out or changed; none under [`crate::OnBad::Fail`], and none where they are
    /// the rows that are wanted.
    fn bad_records(&self) -> &BadRecords;
}

impl Wanted {
    /// All records, these columns of them.
    pub fn rows(file_schema: SchemaRef, projection: &[usize], batch_rows: usize) -> Self {
        let projection = projection.to_vec();
        Wanted { file_schema, projection, extras: Vec::new(), filter: None, yields: Yield::Rows, batch_rows }
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted")
            .field("projection", &self.projection)
            .field("extras", &self.extras)
            .field("filter", &self.filter.as_ref().map(|filter| filter.columns().to_vec()))
            .field("yields", &self.yields)
            .field("batch_rows", &self.batch_rows)
            .finish_non_exhaustive()
    }
}
