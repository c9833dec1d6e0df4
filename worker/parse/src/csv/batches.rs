//! Turns scans into record batches: the filter's columns first, then the others of the records that it keeps.

mod extras;
mod probe;
mod projected;
mod rejects;

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};

use crate::csv::CsvOptions;
use crate::csv::faults::{Fault, Faults};
use crate::csv::shape::Shape;
use crate::csv::tokenizer::Rows;
use crate::{OnBad, RecordError, Wanted, Yield};
use extras::Extras;
use probe::Probe;
use projected::Projected;
use rejects::Rejects;

/// Records of one scan: few enough for their bytes to be in the cache when the columns read them.
const SCAN_ROWS: usize = 1024;
/// A batch is closed early when the records in it have so many bytes: offsets of strings may be 32 bits wide.
const FULL_BATCH: usize = 256 << 20;

/// Record batches under construction.
pub(crate) struct Batches {
    schema: SchemaRef,
    /// In the projection's order.
    columns: Vec<Projected>,
    probe: Option<Probe>,
    extras: Extras,
    /// Bad records are what is wanted.
    rejects: Option<Rejects>,
    policy: OnBad,
    stride: usize,
    batch_rows: usize,
    /// Rows in the columns, fewer than `batch_rows`.
    pending: usize,
    /// Bytes of their records.
    pending_bytes: usize,
    ready: VecDeque<RecordBatch>,
}

/// The records of a scan.
pub(crate) struct Scanned<'a> {
    pub block: &'a [u8],
    /// Of the block's first byte in the file.
    pub offset: u64,
    /// Number of the first record in the file.
    pub number: u64,
    pub rows: &'a mut Rows,
}

impl Batches {
    pub(crate) fn new(options: &CsvOptions, shape: &Shape, wanted: Wanted) -> Self {
        let Wanted { file_schema, projection, extras, filter, yields, batch_rows } = wanted;
        let batch_rows = batch_rows.max(1);
        let projected = |index: usize, rows: usize| {
            let column = projection[index];
            let field = Arc::clone(&file_schema.fields()[column]);
            Projected::new(options, (shape.pick(column), shape.stride()), index, field, rows)
        };
        let mut columns: Vec<_> = (0..projection.len()).map(|index| projected(index, batch_rows)).collect();
        let probe = filter.map(|filter| {
            let probed = filter.columns().iter().map(|&index| projected(index, SCAN_ROWS)).collect();
            filter.columns().iter().for_each(|&index| columns[index].is_probed = true);
            Probe::new(filter, probed, shape.stride())
        });
        let extras = Extras::new(&extras);
        let fields = columns.iter().map(|column| Arc::clone(&column.field)).chain(extras.fields());
        Batches {
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            columns,
            probe,
            extras,
            rejects: (yields == Yield::Rejects).then(Rejects::default),
            policy: if yields == Yield::Rejects { OnBad::Skip } else { options.on_bad },
            stride: shape.stride(),
            batch_rows,
            pending: 0,
            pending_bytes: 0,
            ready: VecDeque::new(),
        }
    }

    /// What becomes of bad records.
    pub(crate) fn policy(&self) -> OnBad {
        self.policy
    }

    /// Most records of the next scan. Under a filter nobody knows how many stay, and scans must not become
    /// ever smaller as a batch fills: the batch is closed instead when there is no room for a whole scan.
    pub(crate) fn scan_rows(&mut self) -> usize {
        if self.probe.is_none() {
            return SCAN_ROWS.min(self.batch_rows - self.pending);
        }
        let rows = SCAN_ROWS.min(self.batch_rows.div_ceil(4));
        if self.pending + rows > self.batch_rows {
            self.flush();
        }
        rows
    }

    /// Name of a projected column.
    pub(crate) fn name(&self, column: usize) -> &str {
        self.columns[column].field.name()
    }

    /// Appends the records of a scan; gives the faults of those that are bad, in the file's order.
    ///
    /// # Errors
    /// The fault that ends all; the records before it have been appended.
    pub(crate) fn append(&mut self, mut scanned: Scanned<'_>) -> Result<Vec<Fault>, Fault> {
        if scanned.rows.count == 0 {
            return Ok(Vec::new());
        }
        self.make_room(&scanned);
        let mut faults = Faults::new(self.policy);
        let mut last = self.ask(&mut scanned, &mut faults);
        if scanned.rows.count == 0 {
            return last.map(|()| faults.by_record());
        }
        if let Err(fault) = read(&mut self.columns, &scanned, &mut faults) {
            self.roll_back();
            scanned.rows.retain_origins(|origin| origin < fault.row, self.stride);
            faults = Faults::new(self.policy);
            last = read(&mut self.columns, &scanned, &mut faults).and(Err(fault));
        }
        if faults.drops_any() {
            self.roll_back();
            scanned.rows.retain_origins(|origin| faults.spares(origin), self.stride);
            // They have only faults that leave NULL, and those are known.
            last = last.and(read(&mut self.columns, &scanned, &mut Faults::new(self.policy)));
        }
        match &self.rejects {
            Some(_) => self.roll_back(),
            None => self.accept(&scanned),
        }
        last.map(|()| faults.by_record())
    }

    /// Lets the filter choose; an error is what ends the scan behind the records that are left.
    fn ask(&mut self, scanned: &mut Scanned<'_>, faults: &mut Faults) -> Result<(), Fault> {
        match &mut self.probe {
            Some(probe) => probe.ask(scanned, faults),
            None => Ok(()),
        }
    }

    /// Takes the records of a scan that are left, which the columns have read, for rows.
    fn accept(&mut self, scanned: &Scanned<'_>) {
        if let Some(probe) = &mut self.probe {
            probe.hand_over(&mut self.columns, scanned.rows);
        }
        self.extras.append(scanned, self.stride);
        self.pending += scanned.rows.count;
        if self.pending == self.batch_rows {
            self.flush();
        }
    }

    /// Closes the batch if the records of a scan would make it too big.
    fn make_room(&mut self, scanned: &Scanned<'_>) {
        let rows = &scanned.rows;
        let bytes = rows.record(rows.count - 1, self.stride).end - rows.record(0, self.stride).start;
        if self.pending_bytes + bytes > FULL_BATCH {
            self.flush();
        }
        self.pending_bytes += bytes;
    }

    /// Takes back what the columns have read beyond the pending rows.
    fn roll_back(&mut self) {
        for projected in &mut self.columns {
            projected.truncate(self.pending);
        }
    }

    /// Appends a bad record where those are wanted, with its text; else does nothing.
    pub(crate) fn reject(&mut self, error: &RecordError, text: &[u8]) {
        let Some(rejects) = &mut self.rejects else { return };
        rejects.append(error, text);
        if rejects.len() == self.batch_rows {
            self.ready.push_back(rejects.finish());
        }
    }

    /// Bad records are rows.
    pub(crate) fn yields_rejects(&self) -> bool {
        self.rejects.is_some()
    }

    /// Makes a batch of what is there.
    pub(crate) fn flush(&mut self) {
        if let Some(rejects) = self.rejects.as_mut().filter(|rejects| rejects.len() > 0) {
            self.ready.push_back(rejects.finish());
        }
        self.pending_bytes = 0;
        if self.pending == 0 {
            return;
        }
        let columns = self.columns.iter_mut().filter_map(Projected::finish);
        let arrays = columns.chain(self.extras.finish()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.pending));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options);
        self.ready.push_back(batch.expect("each column got one value a row, of its field's type and nullability"));
        self.pending = 0;
    }

    pub(crate) fn next(&mut self) -> Option<RecordBatch> {
        self.ready.pop_front()
    }
}

/// Reads the fields of all `columns` that the filter does not read; if that ends the scan, the earliest record's fault.
fn read<'a>(
    columns: impl IntoIterator<Item = &'a mut Projected>,
    scanned: &Scanned<'_>,
    faults: &mut Faults,
) -> Result<(), Fault> {
    let mut is_stopped = false;
    for projected in columns {
        is_stopped |= projected.read(scanned, faults).is_err();
    }
    match is_stopped.then(|| std::mem::replace(faults, Faults::new(OnBad::Fail)).worst()).flatten() {
        Some(worst) => Err(worst),
        None => Ok(()),
    }
}
