//! Decodes the records of one split.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::{Borders, CsvError, CsvOptions, SplitRange};

/// Decodes the records that begin in a split. Pure: the caller fetches the bytes that [`Self::wants`] names.
pub struct SplitDecoder {
    split: SplitRange,
}

impl SplitDecoder {
    /// A decoder of `split`; `file_schema` has all columns of the file, `projection` the wanted ones (none: count only).
    pub fn new(
        options: Arc<CsvOptions>,
        file_schema: SchemaRef,
        projection: &[usize],
        split: SplitRange,
        batch_rows: usize,
    ) -> Self {
        let _ = (options, file_schema, projection, batch_rows);
        SplitDecoder { split }
    }

    /// The bytes to fetch next, or `None` when the split is finished. Fewer may be fed, from the same start.
    pub fn wants(&self) -> Option<Range<u64>> {
        None
    }

    /// Decodes `bytes`, which lie at `offset` of the file: where [`Self::wants`] starts.
    ///
    /// # Errors
    /// The first bad record; the decoder is finished then.
    pub fn feed(&mut self, offset: u64, bytes: &[u8]) -> Result<(), CsvError> {
        let _ = (offset, bytes);
        Ok(())
    }

    /// The next batch that is ready, in the file's order; all have `batch_rows` rows but the last.
    pub fn next_batch(&mut self) -> Option<RecordBatch> {
        None
    }

    /// Where records begin at the split's ends; valid when [`Self::wants`] is `None`.
    pub fn borders(&self) -> Borders {
        Borders { first_record: self.split.start, next_record: self.split.end }
    }
}
