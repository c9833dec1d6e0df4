//! Any bytes as a JSON file: they are inferred from, then decoded whole and in pieces with what was inferred. Nothing may
//! panic, and pieces must not matter.

#![no_main]

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bobbin_parse::json::{Format, JsonDecoder, JsonOptions, Sample, infer};
use bobbin_parse::{Decoder, OnBad, SplitRange, Wanted};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(([choice, piece], file)) = data.split_first_chunk::<2>() else { return };
    let options = Arc::new(JsonOptions {
        format: if choice & 1 == 0 { Format::Lines } else { Format::Array },
        on_bad: if choice & 2 == 0 { OnBad::Skip } else { OnBad::Null },
        strict: choice & 4 != 0,
        coerce_strings: choice & 8 != 0,
        allow_nan: choice & 16 != 0,
        lossy: choice & 32 != 0,
        ..JsonOptions::default()
    });
    let sample = Sample { bytes: file, complete: true, starts_record: true };
    let Ok(inferred) = infer(&[sample], &options) else { return };
    let whole = decode(file, usize::MAX, &inferred.schema, &options);
    let pieces = decode(file, usize::from(*piece).max(1), &inferred.schema, &options);
    // Through text: NaN equals nothing.
    assert_eq!(format!("{whole:?}"), format!("{pieces:?}"));
});

fn decode(file: &[u8], piece: usize, schema: &SchemaRef, options: &Arc<JsonOptions>) -> (Vec<RecordBatch>, u64) {
    let len = file.len() as u64;
    let all: Vec<usize> = (0..schema.fields().len()).collect();
    let split = SplitRange { start: 0, end: len, file_len: len };
    let mut decoder = JsonDecoder::new(Arc::clone(options), Wanted::rows(Arc::clone(schema), &all, 16), split);
    let mut batches = Vec::new();
    while let Some(range) = decoder.wants() {
        let bytes = &file[range.start as usize..range.end as usize];
        // The first record of a file may end the scan: the hint at the format.
        let _ = decoder.feed(range.start, &bytes[..bytes.len().min(piece)]);
        batches.extend(std::iter::from_fn(|| decoder.next_batch()));
    }
    (batches, decoder.bad_records().total())
}
