//! The kernel on the same cases, its batches made comparable.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::util::display::array_value_to_string;
use bobbin_parse::csv::{BorderScanner, CsvDecoder, StateMap};
use bobbin_parse::{BadRecords, Decoder, Line, RecordError, SplitRange, Yield};

use super::{Case, Expected, Fault, Row};

/// What the kernel gave of a file or of a split.
pub struct Decoded {
    pub rows: Vec<Row>,
    pub bad: BadRecords,
    pub error: Option<Fault>,
}

/// Decodes the whole file, fed in pieces; `knows_len` says whether its length is known before.
pub fn decode(case: &Case, file: &[u8], piece: usize, knows_len: bool) -> Decoded {
    let len = if knows_len { file.len() as u64 } else { SplitRange::UNKNOWN };
    let decoder = decoder(case, SplitRange { start: 0, end: len, file_len: len }, None, Yield::Rows);
    run(case, decoder, file, piece)
}

/// Offsets, kinds and texts of the rejected records.
pub fn rejects(case: &Case, file: &[u8], piece: usize) -> Vec<(u64, String)> {
    let len = file.len() as u64;
    let mut decoder = decoder(case, SplitRange { start: 0, end: len, file_len: len }, None, Yield::Rejects);
    let mut found = Vec::new();
    let error = feed(&mut decoder, file, piece);
    while let Some(batch) = decoder.next_batch() {
        assert_eq!(batch.schema(), bobbin_parse::rejects_schema());
        let offsets = batch.column(0).as_primitive::<Int64Type>();
        let kinds = batch.column(3).as_string_view();
        found.extend((0..batch.num_rows()).map(|row| (offsets.value(row) as u64, kinds.value(row).to_owned())));
    }
    assert!(error.is_none() || found.is_empty(), "only the lead can fail");
    found
}

/// Decodes the splits between `cuts`, each from where the maps say.
pub fn cut(case: &Case, file: &[u8], cuts: &[usize], piece: usize) -> Decoded {
    let file_len = file.len() as u64;
    let splits: Vec<_> =
        cuts.windows(2).map(|ends| SplitRange { start: ends[0] as u64, end: ends[1] as u64, file_len }).collect();
    let mut all = Decoded { rows: Vec::new(), bad: BadRecords::default(), error: None };
    let maps: Result<Vec<_>, _> = splits.iter().map(|split| map(case, file, *split, piece)).collect();
    let maps = match maps {
        Ok(maps) => maps,
        Err(error) => {
            all.error = Some(fault(&error));
            return all;
        }
    };
    let firsts = StateMap::first_records(&maps).expect("maps of one file");
    for (split, first) in splits.into_iter().zip(firsts) {
        let decoded = run(case, decoder(case, split, first, Yield::Rows), file, piece);
        all.rows.extend(decoded.rows);
        for (kind, count) in decoded.bad.counts {
            *all.bad.counts.entry(kind).or_default() += count;
        }
        all.error = decoded.error;
        if all.error.is_some() {
            break;
        }
    }
    all
}

fn map(case: &Case, file: &[u8], split: SplitRange, piece: usize) -> Result<StateMap, RecordError> {
    let mut scanner = BorderScanner::new(&case.options, split);
    while let Some(wanted) = scanner.wants() {
        let from = wanted.start as usize;
        scanner.feed(wanted.start, &file[from..(from + piece).min(wanted.end as usize)])?;
    }
    scanner.finish()
}

fn decoder(case: &Case, split: SplitRange, first: Option<u64>, yields: Yield) -> CsvDecoder {
    CsvDecoder::starting_at(Arc::new(case.options.clone()), case.wanted(yields), split, first)
}

fn run(case: &Case, mut decoder: CsvDecoder, file: &[u8], piece: usize) -> Decoded {
    let error = feed(&mut decoder, file, piece);
    let mut rows = Vec::new();
    while let Some(batch) = decoder.next_batch() {
        assert!((1..=case.batch_rows).contains(&batch.num_rows()));
        rows.extend((0..batch.num_rows()).map(|row| row_of(case, &batch, row)));
    }
    Decoded { rows, bad: decoder.bad_records().clone(), error: error.as_ref().map(fault) }
}

fn feed(decoder: &mut CsvDecoder, file: &[u8], piece: usize) -> Option<RecordError> {
    while let Some(wanted) = decoder.wants() {
        let from = wanted.start as usize;
        let to = (from + piece).min(file.len()).min(usize::try_from(wanted.end).unwrap_or(usize::MAX));
        let fed = if from == to { decoder.end_of_file() } else { decoder.feed(wanted.start, &file[from..to]) };
        if let Err(error) = fed {
            return Some(error);
        }
    }
    None
}

fn row_of(case: &Case, batch: &RecordBatch, row: usize) -> Row {
    let value = |column: usize| {
        let array = batch.column(column);
        array.is_valid(row).then(|| array_value_to_string(array, row).expect("a cell that can be shown"))
    };
    let columns = case.projection.len();
    let extra = |index: usize| batch.column(columns + index).as_primitive::<Int64Type>().value(row) as u64;
    Row { offset: extra(0), number: extra(1), values: (0..columns).map(value).collect() }
}

/// Offset, line, kind and column.
pub fn fault(error: &RecordError) -> Fault {
    let line = match error.line {
        Line::OfFile(line) | Line::OfSplit(line) => line,
    };
    (error.offset, line, error.reason.kind(), error.column.clone())
}

impl Decoded {
    /// Panics unless this is what the reference reads.
    pub fn check(&self, expected: &Expected, text: &str) {
        assert_eq!(self.rows, expected.rows, "{text}");
        assert_eq!(self.error, expected.error, "{text}");
        let samples: Vec<_> = self.bad.samples.iter().map(fault).collect();
        let mut seen = std::collections::BTreeMap::new();
        let first = expected.bad.iter().filter(|(_, _, kind, _)| {
            let count: &mut u64 = seen.entry(*kind).or_default();
            *count += 1;
            *count <= BadRecords::SAMPLES
        });
        assert_eq!(samples, first.cloned().collect::<Vec<_>>(), "{text}");
        assert_eq!(self.bad.counts, seen, "{text}");
    }
}
