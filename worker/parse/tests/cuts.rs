//! The law of splits: any cut of a file into splits, fed in pieces of any size, gives the rows of the uncut file, and
//! the splits' borders fit together unless quotes span them.
#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bobbin_parse::csv::{CsvDecoder, CsvOptions};
use bobbin_parse::{Borders, Decoder, RecordError, SplitRange, Wanted};
use proptest::prelude::*;

const BATCH_ROWS: usize = 7;

struct Case {
    file: Vec<u8>,
    options: Arc<CsvOptions>,
    schema: SchemaRef,
    projection: Vec<usize>,
}

impl Case {
    fn new(file: Vec<u8>, columns: usize, header: bool, projection: Vec<usize>) -> Case {
        let fields = (0..columns).map(|index| Field::new(format!("c{index}"), DataType::Utf8View, true));
        Case {
            file,
            options: Arc::new(CsvOptions { header, ..CsvOptions::default() }),
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            projection,
        }
    }

    /// Decodes `[start, end)` from pieces of at most `piece` bytes.
    fn split(&self, start: usize, end: usize, piece: usize) -> Result<(Vec<RecordBatch>, Borders), RecordError> {
        let split = SplitRange { start: start as u64, end: end as u64, file_len: self.file.len() as u64 };
        let schema = Arc::clone(&self.schema);
        let mut decoder =
            CsvDecoder::new(Arc::clone(&self.options), Wanted::rows(schema, &self.projection, BATCH_ROWS), split);
        let mut batches = Vec::new();
        while let Some(wanted) = decoder.wants() {
            assert!(wanted.start < wanted.end && wanted.end <= self.file.len() as u64, "{wanted:?}");
            let from = wanted.start as usize;
            let to = (from + piece).min(wanted.end as usize);
            decoder.feed(wanted.start, &self.file[from..to])?;
            batches.extend(std::iter::from_fn(|| decoder.next_batch()));
        }
        batches.extend(std::iter::from_fn(|| decoder.next_batch()));
        for batch in batches.iter().rev().skip(1) {
            assert_eq!(batch.num_rows(), BATCH_ROWS);
        }
        Ok((batches, decoder.borders()))
    }

    fn together(&self, batches: &[RecordBatch]) -> RecordBatch {
        let projected = Arc::new(self.schema.project(&self.projection).unwrap());
        if self.projection.is_empty() {
            let rows = batches.iter().map(RecordBatch::num_rows).sum();
            let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
            return RecordBatch::try_new_with_options(projected, Vec::new(), &options).unwrap();
        }
        concat_batches(&projected, batches).unwrap()
    }

    fn whole(&self) -> RecordBatch {
        let (batches, borders) = self.split(0, self.file.len(), usize::MAX / 2).unwrap();
        assert_eq!(borders, Borders { first_record: 0, next_record: self.file.len() as u64 });
        self.together(&batches)
    }

    /// Decodes all splits between `cuts`; `None` when some border shows that a quoted newline is in the way.
    fn cut(&self, cuts: &[usize], piece: usize) -> Option<RecordBatch> {
        let mut batches = Vec::new();
        let mut next_record = 0;
        for ends in cuts.windows(2) {
            let result = self.split(ends[0], ends[1], piece);
            let (found, borders) = result.ok()?;
            if borders.first_record != next_record {
                return None;
            }
            next_record = borders.next_record;
            batches.extend(found);
        }
        assert_eq!(next_record, self.file.len() as u64);
        Some(self.together(&batches))
    }
}

/// Sorted offsets from 0 to `len`.
fn cuts(len: usize, chosen: &[prop::sample::Index]) -> Vec<usize> {
    let mut cuts: Vec<usize> = chosen.iter().map(|index| index.index(len.max(1))).chain([0, len]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

fn field(newlines: bool) -> impl Strategy<Value = String> {
    let quoted = if newlines { "\"([a,\n\r é]|\"\"){0,12}\"" } else { "\"([a, é]|\"\"){0,70}\"" };
    prop_oneof![
        4 => "[a-z0-9 ]{0,9}",
        1 => "[a-zü]{30,80}",
        1 => "[a ][a\" ]{0,6}",
        1 => quoted,
    ]
}

/// A valid file of three columns: records, empty lines, both line ends, with and without a last newline.
fn file(newlines: bool) -> impl Strategy<Value = Vec<u8>> {
    let record = prop::collection::vec(field(newlines), 3).prop_map(|fields| fields.join(","));
    let line = (prop_oneof![9 => record, 1 => Just(String::new())], prop::bool::weighted(0.3));
    (prop::collection::vec(line, 0..40), any::<bool>(), prop::bool::weighted(0.2)).prop_map(|(lines, last, mark)| {
        let mut text = String::from(if mark { "\u{feff}" } else { "" });
        text.push_str("x,y,z\n");
        for (line, carriage_return) in &lines {
            text.push_str(line);
            text.push_str(if *carriage_return { "\r\n" } else { "\n" });
        }
        if !last {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
        text.into_bytes()
    })
}

fn projection() -> impl Strategy<Value = Vec<usize>> {
    prop::sample::subsequence(vec![0, 1, 2], 0..=3).prop_shuffle()
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_rows(
        file in file(false),
        header: bool,
        projection in projection(),
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        piece in 1usize..200,
    ) {
        let case = Case::new(file, 3, header, projection);
        let cut = case.cut(&cuts(case.file.len(), &chosen), piece);
        prop_assert_eq!(cut, Some(case.whole()));
    }

    #[test]
    fn splits_of_one_byte_give_the_same_rows(file in file(false), header: bool, piece in 1usize..100) {
        let case = Case::new(file, 3, header, vec![0, 2]);
        let every: Vec<usize> = (0..=case.file.len()).collect();
        prop_assert_eq!(case.cut(&every, piece), Some(case.whole()));
    }

    #[test]
    fn quoted_newlines_are_right_or_found_out(
        file in file(true),
        projection in projection(),
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        piece in 1usize..200,
    ) {
        let case = Case::new(file, 3, true, projection);
        if let Some(rows) = case.cut(&cuts(case.file.len(), &chosen), piece) {
            prop_assert_eq!(rows, case.whole());
        }
    }

    #[test]
    fn pieces_do_not_matter(file in file(true), piece in 1usize..300) {
        let case = Case::new(file, 3, true, vec![0, 1, 2]);
        let (batches, _) = case.split(0, case.file.len(), piece).unwrap();
        prop_assert_eq!(case.together(&batches), case.whole());
    }

    #[test]
    fn errors_do_not_depend_on_pieces(bytes in "[a,\"\n\r]{0,120}", piece in 1usize..150) {
        let case = Case::new(bytes.into_bytes(), 2, false, vec![0, 1]);
        let whole = case.split(0, case.file.len(), usize::MAX / 2).map(|(batches, _)| case.together(&batches));
        let pieces = case.split(0, case.file.len(), piece).map(|(batches, _)| case.together(&batches));
        prop_assert_eq!(pieces, whole);
    }

    #[test]
    fn garbage_never_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        piece in 1usize..100,
    ) {
        let case = Case::new(bytes, 2, true, vec![1]);
        let _ = case.cut(&cuts(case.file.len(), &chosen), piece);
        let _ = bobbin_parse::csv::infer(&case.file, false, &case.options);
    }
}

#[test]
fn a_record_longer_than_many_windows() {
    let long = format!("a,\"{}\"\n", "x\n".repeat(300_000));
    let case = Case::new(format!("x,y\n1,2\n{long}3,4\n").into_bytes(), 2, true, vec![0]);
    for piece in [1000, 5000, 70_000, 1 << 20] {
        let (batches, _) = case.split(0, case.file.len(), piece).unwrap();
        assert_eq!(case.together(&batches).num_rows(), 3);
    }
    let (batches, borders) = case.split(0, 9, 100).unwrap();
    assert_eq!(case.together(&batches).num_rows(), 2);
    assert_eq!(borders.next_record, case.file.len() as u64 - 4);
}

#[test]
fn small_tails_are_read_behind_the_end() {
    let case = Case::new([b"a\n".repeat(50_000), b"b".repeat(40_000), b"\n".to_vec()].concat(), 1, false, vec![]);
    let split = SplitRange { start: 0, end: 100_001, file_len: case.file.len() as u64 };
    let schema = Arc::clone(&case.schema);
    let mut decoder = CsvDecoder::new(Arc::clone(&case.options), Wanted::rows(schema, &[], 8192), split);
    let mut wanted = Vec::new();
    while let Some(range) = decoder.wants() {
        decoder.feed(range.start, &case.file[range.start as usize..range.end as usize]).unwrap();
        wanted.push(range.end - range.start);
    }
    assert_eq!(wanted, [100_001, 16_384, 23_616]);
    assert_eq!(decoder.borders().next_record, case.file.len() as u64);
}
