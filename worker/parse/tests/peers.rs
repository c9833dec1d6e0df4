//! On valid files our batches equal those of arrow's own reader.
#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::csv::ReaderBuilder;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bobbin_parse::csv::{CsvDecoder, CsvOptions};
use bobbin_parse::{Decoder, SplitRange, Wanted};
use proptest::prelude::*;

fn ours(text: &str, schema: &SchemaRef, projection: &[usize]) -> RecordBatch {
    let split = SplitRange { start: 0, end: text.len() as u64, file_len: text.len() as u64 };
    let mut decoder =
        CsvDecoder::new(Arc::new(CsvOptions::default()), Wanted::rows(Arc::clone(schema), projection, 10), split);
    decoder.feed(0, text.as_bytes()).unwrap();
    let batches: Vec<_> = std::iter::from_fn(|| decoder.next_batch()).collect();
    concat_batches(&Arc::new(schema.project(projection).unwrap()), &batches).unwrap()
}

fn theirs(text: &str, schema: &SchemaRef, projection: &[usize]) -> RecordBatch {
    let builder = ReaderBuilder::new(Arc::clone(schema)).with_header(true).with_projection(projection.to_vec());
    let batches: Vec<_> = builder.build(text.as_bytes()).unwrap().map(Result::unwrap).collect();
    concat_batches(&Arc::new(schema.project(projection).unwrap()), &batches).unwrap()
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("a", DataType::Int64, true),
        Field::new("b", DataType::Float64, true),
        Field::new("c", DataType::Timestamp(TimeUnit::Microsecond, None), true),
        Field::new("d", DataType::Date32, true),
        Field::new("e", DataType::Boolean, true),
        Field::new("f", DataType::Utf8, true),
        Field::new("g", DataType::UInt16, true),
        Field::new("h", DataType::Float32, true),
    ]))
}

/// A text, quoted where it must be. Never empty: arrow cannot tell an empty text from NULL.
fn text() -> impl Strategy<Value = String> {
    "[a-zé,\" \n]{1,40}".prop_map(|text| {
        let doubled = text.replace('"', "\"\"");
        if text.contains([',', '"', '\n']) { format!("\"{doubled}\"") } else { text }
    })
}

fn record() -> impl Strategy<Value = String> {
    let date = (1900u32..2100, 1u32..13, 1u32..29).prop_map(|(y, m, d)| format!("{y:04}-{m:02}-{d:02}"));
    let timestamp = (date.clone(), 0u32..24, 0u32..60, 0u32..60, prop::sample::select(vec!["", ".5", ".123456", "Z"]))
        .prop_map(|(date, h, m, s, rest)| format!("{date} {h:02}:{m:02}:{s:02}{rest}"));
    let nullable = |value: BoxedStrategy<String>| prop_oneof![6 => value, 1 => Just(String::new())];
    (
        nullable(any::<i64>().prop_map(|value| value.to_string()).boxed()),
        nullable(prop_oneof!["-?[0-9]{1,4}\\.[0-9]{1,2}", any::<f64>().prop_map(|v| v.to_string())].boxed()),
        nullable(timestamp.boxed()),
        nullable(date.boxed()),
        nullable(any::<bool>().prop_map(|value| value.to_string()).boxed()),
        nullable(text().boxed()),
        nullable(any::<u16>().prop_map(|value| value.to_string()).boxed()),
        nullable(any::<f32>().prop_map(|value| value.to_string()).boxed()),
    )
        .prop_map(|(a, b, c, d, e, f, g, h)| [a, b, c, d, e, f, g, h].join(","))
}

proptest! {
    #[test]
    fn equals_arrow(
        records in prop::collection::vec(record(), 0..40),
        projection in prop::sample::subsequence((0..8).collect::<Vec<_>>(), 1..=8),
        crlf: bool,
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let mut file = format!("a,b,c,d,e,f,g,h{end}");
        for record in &records {
            file.push_str(record);
            file.push_str(end);
        }
        let schema = schema();
        let (ours, theirs) = (ours(&file, &schema, &projection), theirs(&file, &schema, &projection));
        // NaN differs from itself, and its text is the same for every NaN.
        prop_assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    }
}
