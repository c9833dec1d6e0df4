//! Decodes the records of one split: what frames them, and what reads them.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;

use super::array::Elements;
use super::lines::Lines;
use super::options::{Format, JsonOptions};
use super::rows::Rows;
use crate::{BadRecords, Borders, Decoder, RecordError, SplitRange, Wanted};

/// Decodes the records that begin in a split. Pure: the caller fetches the bytes that [`Decoder::wants`] names.
///
/// [`Wanted::file_schema`] may hold less than the file: what it lacks, at any depth, is passed over
/// ([`crate::json::prune`] makes such a schema). Batches have `batch_rows` rows also under a filter; one is closed early
/// when its records take 256 MiB. [`crate::Extra::RowNumber`] counts from the split's first record.
pub struct JsonDecoder {
    framing: Framing,
    rows: Rows,
}

enum Framing {
    Lines(Lines),
    Array(Elements),
}

impl JsonDecoder {
    /// A decoder of the records of `split` that are `wanted`. The options must pass [`JsonOptions::check`].
    pub fn new(options: Arc<JsonOptions>, wanted: Wanted, split: SplitRange) -> Self {
        let framing = match options.format {
            Format::Lines => Framing::Lines(Lines::new(split, options.max_record_bytes)),
            Format::Array => Framing::Array(Elements::new(split, options.max_record_bytes)),
        };
        JsonDecoder { framing, rows: Rows::new(options, wanted, split) }
    }

    /// Rows before the end, or before the record that ends the scan, are ready.
    fn settle(&mut self, result: Result<(), RecordError>) -> Result<(), RecordError> {
        if result.is_err() {
            match &mut self.framing {
                Framing::Lines(lines) => lines.stop(),
                Framing::Array(elements) => elements.stop(),
            }
        }
        if self.wants().is_none() {
            self.rows.flush();
        }
        result
    }
}

impl Decoder for JsonDecoder {
    fn wants(&self) -> Option<Range<u64>> {
        match &self.framing {
            Framing::Lines(lines) => lines.wants(),
            Framing::Array(elements) => elements.wants(),
        }
    }

    fn feed(&mut self, offset: u64, bytes: &[u8]) -> Result<(), RecordError> {
        if self.wants().is_none() {
            return Ok(());
        }
        let result = match &mut self.framing {
            Framing::Lines(lines) => lines.feed(offset, bytes, &mut self.rows),
            Framing::Array(elements) => elements.feed(offset, bytes, &mut self.rows),
        };
        self.settle(result)
    }

    fn end_of_file(&mut self) -> Result<(), RecordError> {
        let result = match &mut self.framing {
            Framing::Lines(lines) => lines.end_of_file(&mut self.rows),
            Framing::Array(elements) => elements.end_of_file(&mut self.rows),
        };
        self.settle(result)
    }

    fn next_batch(&mut self) -> Option<RecordBatch> {
        self.rows.next_batch()
    }

    fn borders(&self) -> Borders {
        match &self.framing {
            Framing::Lines(lines) => lines.borders(),
            Framing::Array(elements) => elements.borders(),
        }
    }

    fn bad_records(&self) -> &BadRecords {
        self.rows.bad_records()
    }
}

impl fmt::Debug for JsonDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonDecoder").field("wants", &self.wants()).finish_non_exhaustive()
    }
}
