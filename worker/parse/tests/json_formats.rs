//! Dates and timestamps of JSON in formats of their columns: what is inferred, what is read, what is bad.
#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bobbin_parse::json::{JsonDecoder, JsonOptions, Sample, infer};
use bobbin_parse::{BadRecords, Decoder, OnBad, SplitRange, Wanted};

fn options(formats: &[(&str, &str)]) -> JsonOptions {
    let formats = formats.iter().map(|(path, format)| ((*path).to_owned(), (*format).to_owned())).collect();
    JsonOptions { formats, on_bad: OnBad::Null, ..JsonOptions::default() }
}

/// The rows of `text` as they are read by `options`, from a schema that is inferred from it too.
fn read(text: &str, options: &JsonOptions) -> (Vec<String>, BadRecords) {
    let sample = Sample { bytes: text.as_bytes(), complete: true, starts_record: true };
    let schema = infer(&[sample], options).unwrap().schema;
    assert_eq!(options.check_columns(&schema), Ok(()));
    let all: Vec<usize> = (0..schema.fields().len()).collect();
    let len = text.len() as u64;
    let split = SplitRange { start: 0, end: len, file_len: len };
    let wanted = Wanted::rows(Arc::clone(&schema), &all, 100);
    let mut decoder = JsonDecoder::new(Arc::new(options.clone()), wanted, split);
    while let Some(range) = decoder.wants() {
        decoder.feed(range.start, &text.as_bytes()[range.start as usize..range.end as usize]).unwrap();
    }
    let batches: Vec<_> = std::iter::from_fn(|| decoder.next_batch()).collect();
    (rows(&concat_batches(&schema, &batches).unwrap()), decoder.bad_records().clone())
}

/// Values with `|` between them, NULL as `~`.
fn rows(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::new().with_null("~");
    let columns: Vec<_> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    let row = |row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|");
    (0..batch.num_rows()).map(row).collect()
}

#[test]
fn columns_have_formats_of_their_own() {
    let text = r#"{"a":"31.01.2015","b":{"c":["1/2/15 3:04 PM"]},"d":"2015-01-31"}
{"a":null,"b":{"c":["01\/02\/15 12:00 AM",null]},"d":"2015-02-01"}
"#;
    let formats = [("a", "%d.%m.%Y"), ("b.c[]", "%m/%d/%y %I:%M %p")];
    let (found, bad) = read(text, &options(&formats));
    assert_eq!(
        found,
        ["2015-01-31|{c: [2015-01-02T15:04:00]}|2015-01-31", "~|{c: [2015-01-02T00:00:00, ~]}|2015-02-01"]
    );
    assert_eq!(bad.total(), 0);
}

#[test]
fn what_is_not_written_so_is_bad() {
    let text = "{\"a\":\"31.01.2015\"}\n{\"a\":\"2015-01-31\"}\n{\"a\":\"31.02.2015\"}\n";
    let (found, bad) = read(text, &options(&[("a", "%d.%m.%Y")]));
    assert_eq!(found, ["2015-01-31", "~", "~"]);
    assert_eq!(bad.counts.into_iter().collect::<Vec<_>>(), [("bad value", 2)]);
}

#[test]
fn values_of_maps_have_formats() {
    let line = |row: usize| format!("{{\"m\":{{\"k{row}\":\"{row:03}/2015\"}}}}\n");
    let text: String = (1..=300).map(line).collect();
    let (found, bad) = read(&text, &options(&[("m.*", "%j/%Y")]));
    assert_eq!((found.len(), found[31].as_str()), (300, "{k32: 2015-02-01}"));
    assert_eq!(bad.total(), 0);
}
