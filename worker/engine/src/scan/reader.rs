//! Reads the records of one split: fetches the bytes that the decoder wants, and notes what it found.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use bobbin_blocks::{BlockReader, ReadCounters};
use bobbin_parse::{Decoder, is_utf16};
use datafusion::common::Result;

use crate::fault::Fault;
use crate::scan::bytes::{ByteSource, Piece};
use crate::scan::note::{BadNote, SplitNote};
use crate::scan::output::{Assembly, Layout};
use crate::scan::shape::ScanShape;
use crate::scan::splits::Split;
use bobbin_task::CancelFlag;

/// What the scans of one task share.
#[derive(Debug)]
pub(crate) struct ScanSource {
    /// Opens files.
    pub reader: BlockReader,
    /// Counts bytes.
    pub counters: Arc<ReadCounters>,
    /// Raised when nobody wants the task any more.
    pub cancel: CancelFlag,
    /// What its splits found.
    pub note: Mutex<Option<SplitNote>>,
}

impl ScanSource {
    /// What its splits found: the last one's borders, and the bad records of all.
    pub fn take_note(&self) -> Option<SplitNote> {
        self.note.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set_note(&self, note: SplitNote) {
        *self.note.lock().unwrap_or_else(PoisonError::into_inner) = Some(note);
    }
}

/// A scan of at most so many rows begins with few bytes: the rest of its split is most likely of no use.
const FEW_ROWS: usize = 10_000;
/// Bytes that such a scan asks for first, and so many times as many each time they do not suffice.
const FIRST_STEP: u64 = 64 << 10;
const STEP_GROWTH: u64 = 4;

/// Turns one split into batches.
pub(crate) struct SplitReader {
    split: Split,
    rows: Assembly,
    decoder: Box<dyn Decoder>,
    bytes: ByteSource,
    /// Rows that may still be given out.
    remaining: usize,
    /// Most bytes that are asked for next.
    step: u64,
    /// The bad record after those that are ready.
    failure: Option<Fault>,
    /// Bad records of the splits that this task read before.
    earlier: Vec<BadNote>,
    source: Arc<ScanSource>,
}

impl SplitReader {
    /// A reader at the split's start.
    pub fn new(shape: &ScanShape, split: Split, source: Arc<ScanSource>, batch_rows: usize) -> Result<Self> {
        let fetch = shape.fetch.unwrap_or(usize::MAX);
        let layout = Layout::new(shape, &split, batch_rows.min(fetch.max(1)))?;
        let decoder = shape.reading.decoder(layout.wanted, &split);
        let bytes = ByteSource::new(&split, &source);
        let earlier = source.take_note().map(|note| note.bad).unwrap_or_default();
        let step = if fetch <= FEW_ROWS { FIRST_STEP } else { u64::MAX };
        Ok(Self { split, rows: layout.rows, decoder, bytes, remaining: fetch, step, failure: None, earlier, source })
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
            let offset = wanted.start;
            let wanted = offset..wanted.end.min(offset.saturating_add(self.step));
            self.step = self.step.saturating_mul(STEP_GROWTH);
            let fed = match self.bytes.read(wanted).await? {
                Piece::Bytes(bytes) if offset == 0 && is_utf16(&bytes) => {
                    return Err(Fault::Utf16 { url: self.split.file.url.clone() }.into());
                }
                Piece::Bytes(bytes) => self.decoder.feed(offset, &bytes),
                Piece::End => self.decoder.end_of_file(),
            };
            if let Err(source) = fed {
                self.failure = Some(Fault::Record { url: self.split.file.url.clone(), source });
            }
        }
    }

    /// Cuts the batch to what may still be given out, and makes rows of the scan of it.
    fn give(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        let batch = if batch.num_rows() > self.remaining { batch.slice(0, self.remaining) } else { batch };
        self.remaining -= batch.num_rows();
        self.note(true);
        self.rows.assemble(&batch)
    }

    /// Notes where the split's first record begins and, unless it stopped early, where the record after its last does.
    fn note(&self, stopped: bool) {
        let borders = self.decoder.borders();
        let next_record = (!stopped).then_some(borders.next_record);
        let note = SplitNote::new(borders.first_record, next_record);
        self.source.set_note(note.with_bad(&self.earlier, self.decoder.bad_records(), &self.split.file.url));
    }
}
