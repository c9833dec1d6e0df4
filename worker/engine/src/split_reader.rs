//! Reads the records of one split: fetches the bytes that the decoder wants, and notes where records begin at its ends.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bobbin_blocks::{BlockReader, OpenFile, ReadCounters};
use bobbin_parse::csv::CsvDecoder;
use bobbin_parse::{Decoder, Wanted};
use datafusion::common::{Result, internal_err};

use crate::fault::Fault;
use crate::note::SplitNote;
use crate::scan::ScanShape;
use crate::splits::Split;
use crate::task::CancelFlag;

/// What the scans of one task share.
#[derive(Debug)]
pub(crate) struct ScanSource {
    /// Opens files.
    pub reader: BlockReader,
    /// Counts bytes.
    pub counters: Arc<ReadCounters>,
    /// Raised when nobody wants the task any more.
    pub cancel: CancelFlag,
    /// What the last split that was opened found at its ends.
    pub note: Mutex<Option<SplitNote>>,
}

impl ScanSource {
    /// What the last split that was opened found at its ends.
    pub fn take_note(&self) -> Option<SplitNote> {
        self.note.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set_note(&self, note: SplitNote) {
        *self.note.lock().unwrap_or_else(PoisonError::into_inner) = Some(note);
    }
}

/// Turns one split into batches.
pub(crate) struct SplitReader {
    split: Split,
    schema: SchemaRef,
    decoder: CsvDecoder,
    file: Option<OpenFile>,
    /// Rows that may still be given out.
    remaining: usize,
    /// The bad record after those that are ready.
    failure: Option<Fault>,
    source: Arc<ScanSource>,
}

impl SplitReader {
    /// A reader at the split's start; `schema` is that of the projected columns.
    pub fn new(shape: &ScanShape, schema: SchemaRef, split: Split, source: Arc<ScanSource>, batch_rows: usize) -> Self {
        let fetch = shape.fetch.unwrap_or(usize::MAX);
        let decoder = CsvDecoder::new(
            Arc::clone(&shape.options),
            Wanted::rows(Arc::clone(&shape.file_schema), &shape.projection, batch_rows.min(fetch.max(1))),
            split.range(),
        );
        Self { split, schema, decoder, file: None, remaining: fetch, failure: None, source }
    }

    /// The next batch, or `None` after the last.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.source.cancel.is_cancelled() {
                return Err(Fault::Cancelled.into());
            }
            if self.remaining == 0 {
                self.note(true);
                return Ok(None);
            }
            if let Some(batch) = self.decoder.next_batch() {
                return self.give(batch).map(Some);
            }
            if let Some(failure) = self.failure.take() {
                self.note(true);
                return Err(failure.into());
            }
            let Some(wanted) = self.decoder.wants() else {
                self.note(false);
                return Ok(None);
            };
            let length = usize::try_from(wanted.end.saturating_sub(wanted.start)).unwrap_or(usize::MAX);
            self.feed(wanted.start, length).await?;
        }
    }

    async fn feed(&mut self, offset: u64, length: usize) -> Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => {
                let counters = Arc::clone(&self.source.counters);
                self.source.reader.open(&self.split.file, counters).await.map_err(Fault::Read)?
            }
        };
        let bytes = file.window(offset, length).await.map_err(Fault::Read)?;
        self.file = Some(file);
        if bytes.is_empty() {
            return internal_err!("no bytes at {offset} of {}", self.split.file.url);
        }
        if let Err(source) = self.decoder.feed(offset, &bytes) {
            self.failure = Some(Fault::Record { url: self.split.file.url.clone(), source });
        }
        Ok(())
    }

    /// Cuts the batch to what may still be given out, under the scan's own schema.
    fn give(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        let batch = if batch.num_rows() > self.remaining { batch.slice(0, self.remaining) } else { batch };
        self.remaining -= batch.num_rows();
        self.note(true);
        if batch.schema() == self.schema { Ok(batch) } else { Ok(batch.with_schema(Arc::clone(&self.schema))?) }
    }

    /// Notes where the split's first record begins and, unless it stopped early, where the record after its last does.
    fn note(&self, stopped: bool) {
        let borders = self.decoder.borders();
        let next_record = (!stopped).then_some(borders.next_record);
        self.source.set_note(SplitNote::new(borders.first_record, next_record));
    }
}
