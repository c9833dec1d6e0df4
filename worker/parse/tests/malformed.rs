//! What malformed and unusual fields become: one check a row of the table in the project's CSV rules.
#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType};
use bobbin_parse::csv::{CsvDecoder, CsvOptions};
use bobbin_parse::{Decoder, Line, Reason, RecordError, SplitRange, Wanted};

fn decode_with(options: CsvOptions, text: &[u8], types: &[DataType]) -> Result<RecordBatch, RecordError> {
    let fields = types.iter().enumerate().map(|(index, t)| Field::new(format!("c{index}"), t.clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let split = SplitRange { start: 0, end: text.len() as u64, file_len: text.len() as u64 };
    let projection: Vec<usize> = (0..types.len()).collect();
    let mut decoder = CsvDecoder::new(Arc::new(options), Wanted::rows(Arc::clone(&schema), &projection, 1000), split);
    decoder.feed(0, text)?;
    assert_eq!(decoder.wants(), None);
    let batch = decoder.next_batch().unwrap_or_else(|| RecordBatch::new_empty(schema));
    assert!(decoder.next_batch().is_none());
    Ok(batch)
}

fn decode(text: &str, types: &[DataType]) -> Result<RecordBatch, RecordError> {
    decode_with(CsvOptions { header: false, ..CsvOptions::default() }, text.as_bytes(), types)
}

fn strings(text: &str) -> Vec<Option<String>> {
    let batch = decode(text, &[DataType::Utf8View]).unwrap();
    let plain = decode(text, &[DataType::Utf8]).unwrap();
    let views: Vec<_> = batch.column(0).as_string_view().iter().map(|value| value.map(str::to_owned)).collect();
    let others: Vec<_> = plain.column(0).as_string::<i32>().iter().map(|value| value.map(str::to_owned)).collect();
    assert_eq!(views, others, "{text:?}");
    views
}

fn integers(text: &str) -> Result<Vec<Option<i64>>, Reason> {
    let batch = decode(text, &[DataType::Int64, DataType::Utf8]).map_err(|error| error.reason)?;
    Ok(batch.column(0).as_primitive::<Int64Type>().iter().collect())
}

fn floats(text: &str) -> Vec<Option<f64>> {
    decode(text, &[DataType::Float64]).unwrap().column(0).as_primitive::<Float64Type>().iter().collect()
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| Some((*value).to_owned())).collect()
}

fn bad(value: &str, sql_type: &'static str) -> Reason {
    Reason::BadValue { value: format!("{value:?}"), sql_type }
}

#[test]
fn field_counts() {
    let two = [DataType::Int64, DataType::Int64];
    let error = decode("1,2\n3,4,5\n", &two).unwrap_err();
    assert_eq!(error.reason, Reason::FieldCount { expected: 2, found: 3 });
    assert_eq!((error.offset, error.line), (4, Line::OfFile(2)));
    assert_eq!(decode("1\n", &two).unwrap_err().reason, Reason::FieldCount { expected: 2, found: 1 });
    assert_eq!(decode("1,2,\n", &two).unwrap_err().reason, Reason::FieldCount { expected: 2, found: 3 });
    assert_eq!(decode(" \n", &two).unwrap_err().reason, Reason::FieldCount { expected: 2, found: 1 });
    assert_eq!(decode("\n1,2\n\r\n\n3,4\n\n", &two).unwrap().num_rows(), 2);
}

#[test]
fn the_field_count_is_checked_even_if_nothing_is_projected() {
    let schema =
        Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true), Field::new("b", DataType::Utf8, true)]));
    let split = SplitRange { start: 0, end: 10, file_len: 10 };
    let mut decoder = CsvDecoder::new(Arc::new(CsvOptions::default()), Wanted::rows(schema, &[], 10), split);
    let error = decoder.feed(0, b"a,b\n1,2\n3\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "record at byte 8 (line 3): 1 fields where 2 are expected; quote fields that hold the separator, or correct the line"
    );
    assert_eq!(decoder.wants(), None);
}

#[test]
fn a_bad_value_names_its_place() {
    let types = [DataType::Utf8, DataType::Int64];
    let error = decode("\"a\nb\",1\n\nc,2\nd,x\n", &types).unwrap_err();
    assert_eq!(error.offset, 13);
    assert_eq!(
        error.to_string(),
        "record at byte 13 (line 5), column c1: \"x\" is not a BIGINT; correct it, name it as a null token, or declare the column as VARCHAR"
    );
}

#[test]
fn the_first_bad_record_is_reported() {
    let types = [DataType::Int64, DataType::Int64];
    assert_eq!(decode("1,2\n3,y\nx,4\n1\n", &types).unwrap_err().reason, bad("y", "BIGINT"));
    assert_eq!(decode("1,2\nx,y\n", &types).unwrap_err().column.as_deref(), Some("c0"));
}

#[test]
fn quotes() {
    assert_eq!(strings("x\"y\"z\n5\" pipe\n"), some(&["x\"y\"z", "5\" pipe"]));
    assert_eq!(strings("\"a\"\"b\"\n\"\"\"\"\n\"a\nb\"\r\n"), some(&["a\"b", "\"", "a\nb"]));
    let types = [DataType::Utf8, DataType::Utf8];
    assert_eq!(decode(" \"x,y\"\n", &types).unwrap().num_rows(), 1);
    let error = decode("a,b\n\"ab\"c,d\n", &types).unwrap_err();
    assert_eq!((error.offset, error.reason), (4, Reason::TextAfterQuote { at: 8 }));
    let error = decode("a,b\nc,\"d\n", &types).unwrap_err();
    assert_eq!((error.offset, error.reason), (4, Reason::UnterminatedQuote { opened: 6 }));
    let error = decode("\"a\"\rb,c\n", &types).unwrap_err();
    assert_eq!(error.reason, Reason::TextAfterQuote { at: 3 });
}

#[test]
fn quoting_can_be_off() {
    let options = CsvOptions { header: false, quote: None, ..CsvOptions::default() };
    let batch = decode_with(options, b"\"a\n", &[DataType::Utf8View]).unwrap();
    assert_eq!(batch.column(0).as_string_view().value(0), "\"a");
}

#[test]
fn empty_and_null() {
    let types = [DataType::Utf8View, DataType::Int64];
    let batch = decode("\"\",\"\"\n,\n\" \", \n", &types).unwrap();
    let texts: Vec<_> = batch.column(0).as_string_view().iter().collect();
    assert_eq!(texts, [Some(""), None, Some(" ")]);
    assert_eq!(batch.column(1).null_count(), 3);
    assert_eq!(strings("NA\nN/A\n"), some(&["NA", "N/A"]));
    assert_eq!(integers("NA,\n"), Err(bad("NA", "BIGINT")));
}

#[test]
fn null_tokens() {
    let tokens = vec!["NA".to_owned(), "-1".to_owned()];
    let options = CsvOptions { header: false, null_tokens: tokens, ..CsvOptions::default() };
    let types = [DataType::Utf8View, DataType::Int64, DataType::Float64, DataType::Boolean];
    let batch = decode_with(options, b"NA,-1, NA,NA\n\"NA\",1,-1,true\nNAN,-11,NaN,\n", &types).unwrap();
    let texts: Vec<_> = batch.column(0).as_string_view().iter().collect();
    assert_eq!(texts, [None, Some("NA"), Some("NAN")]);
    let numbers: Vec<_> = batch.column(1).as_primitive::<Int64Type>().iter().collect();
    assert_eq!(numbers, [None, Some(1), Some(-11)]);
    assert_eq!(batch.column(2).null_count(), 2);
    assert_eq!(batch.column(3).null_count(), 2);
}

#[test]
fn whole_numbers() {
    for text in ["1.5", "1_000", "1e3", "0x10", "9223372036854775808", "1 2"] {
        assert_eq!(integers(&format!("{text},\n")), Err(bad(text, "BIGINT")), "{text}");
    }
    let good = integers("+1,\n007,\n 1,\n1 ,\n\t-5 ,\n\" 8\",\n-9223372036854775808,\n").unwrap();
    assert_eq!(good, [Some(1), Some(7), Some(1), Some(1), Some(-5), Some(8), Some(i64::MIN)]);
}

#[test]
fn fractions() {
    let found = floats("1e400\ninf\n-Infinity\n 2.5 \n-0\n1e-3\n.5\n\"7.25\"\n");
    let expected = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, 2.5, -0.0, 0.001, 0.5, 7.25];
    assert_eq!(found, expected.map(Some));
    assert!(floats("NaN\n")[0].unwrap().is_nan());
    assert_eq!(decode("1,5\n", &[DataType::Float64]).unwrap_err().reason, Reason::FieldCount { expected: 1, found: 2 });
}

#[test]
fn booleans() {
    let batch = decode("true\nFALSE\n True \n\n", &[DataType::Boolean]).unwrap();
    let found: Vec<_> = batch.column(0).as_boolean().iter().collect();
    assert_eq!(found, [Some(true), Some(false), Some(true)]);
    for text in ["T", "1", "yes"] {
        let error = decode(&format!("{text}\n"), &[DataType::Boolean]).unwrap_err();
        assert_eq!(error.reason, bad(text, "BOOLEAN"));
    }
}

#[test]
fn dates_and_timestamps() {
    let error = decode("2015-02-30\n", &[DataType::Date32]).unwrap_err();
    assert_eq!(error.reason, bad("2015-02-30", "DATE"));
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    let text = "2015-01-01T03:04:05Z\n2015-01-01 03:04:05+02:00\n 2015-01-01 03:04:05.123456789\n2015-01-01\n";
    let batch = decode(text, &[timestamp]).unwrap();
    let found: Vec<_> = batch.column(0).as_primitive::<TimestampMicrosecondType>().iter().flatten().collect();
    let midnight = 1_420_070_400_000_000;
    assert_eq!(found, [midnight + 11_045_000_000, midnight + 3_845_000_000, midnight + 11_045_123_456, midnight]);
}

#[test]
fn line_ends() {
    assert_eq!(strings("a\r\nb\nc\r\n"), some(&["a", "b", "c"]));
    assert_eq!(strings("a\rb\n"), some(&["a\rb"]));
    assert_eq!(strings("a\r\r\n"), some(&["a\r"]));
    assert_eq!(strings("a\nb\r"), some(&["a", "b"]));
    assert_eq!(strings("a\n\r"), some(&["a"]));
    assert_eq!(strings("a\0b\n"), some(&["a\0b"]));
}

#[test]
fn bytes_that_are_not_utf8() {
    let options = || CsvOptions { header: false, ..CsvOptions::default() };
    let types = [DataType::Utf8View];
    let error = decode_with(options(), b"caf\xe9\n", &types).unwrap_err();
    assert_eq!(error.reason, Reason::NotUtf8 { value: "\"caf\u{fffd}\"".to_owned() });
    assert!(decode_with(options(), b"caf\xe9 and a long tail of text\n", &types).is_err());
    assert!(decode_with(options(), b"\"caf\xe9\"\n", &[DataType::Utf8]).is_err());
    assert_eq!(strings("naïve\n日本語日本語\n"), some(&["naïve", "日本語日本語"]));
}

#[test]
fn headers() {
    let read = |text: &[u8]| decode_with(CsvOptions::default(), text, &[DataType::Int64]).map(|batch| batch.num_rows());
    assert_eq!(read(b"a\n"), Ok(0));
    assert_eq!(read(b"a"), Ok(0));
    assert_eq!(read(b"\xef\xbb\xbfa\r\n1\r\n"), Ok(1));
    assert_eq!(read(b"\n\na\n1\n"), Ok(1));
    assert_eq!(read(b"\"a\nb\"\n1\n"), Ok(1));
    assert_eq!(read(b"\n\n"), Ok(0));
    assert!(read(b"a,b\n1\n").is_err());
}

#[test]
fn a_header_that_does_not_begin_in_the_first_split_is_an_error() {
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
    let split = SplitRange { start: 0, end: 2, file_len: 6 };
    let mut decoder = CsvDecoder::new(Arc::new(CsvOptions::default()), Wanted::rows(schema, &[0], 10), split);
    assert_eq!(decoder.feed(0, b"\n\na\n1\n").unwrap_err().reason, Reason::NoHeader { end: 2 });
}

#[test]
fn records_have_a_longest_length() {
    let options = || CsvOptions { header: false, max_record_bytes: 100, ..CsvOptions::default() };
    let long = format!("a\n{}\n", "x".repeat(101));
    let error = decode_with(options(), long.as_bytes(), &[DataType::Utf8]).unwrap_err();
    assert_eq!((error.offset, error.reason), (2, Reason::TooLong { limit: 100 }));
    let fits = format!("a\n{}\n", "x".repeat(100));
    assert_eq!(decode_with(options(), fits.as_bytes(), &[DataType::Utf8]).unwrap().num_rows(), 2);
}

#[test]
fn an_endless_quote_is_found_before_the_end_of_the_file() {
    let options = CsvOptions { header: false, max_record_bytes: 100, ..CsvOptions::default() };
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
    let split = SplitRange { start: 0, end: 1 << 40, file_len: 1 << 40 };
    let mut decoder = CsvDecoder::new(Arc::new(options), Wanted::rows(schema, &[0], 10), split);
    decoder.feed(0, b"a\n\"b").unwrap();
    let error = decoder.feed(4, &b"x\n".repeat(100)).unwrap_err();
    assert_eq!((error.offset, error.reason), (2, Reason::UnterminatedQuote { opened: 2 }));
}

#[test]
fn not_null_columns_and_foreign_types() {
    let read = |field: Field| {
        let split = SplitRange { start: 0, end: 6, file_len: 6 };
        let schema = Arc::new(Schema::new(vec![field, Field::new("b", DataType::Utf8, true)]));
        let options = CsvOptions { header: false, ..CsvOptions::default() };
        CsvDecoder::new(Arc::new(options), Wanted::rows(schema, &[0], 10), split)
            .feed(0, b"1,x\n,\n")
            .map_err(|error| error.reason)
    };
    for required in [DataType::Int64, DataType::Utf8, DataType::Utf8View] {
        assert_eq!(read(Field::new("a", required, false)), Err(Reason::UnexpectedNull));
    }
    let error = read(Field::new("a", DataType::Binary, true));
    assert_eq!(error, Err(Reason::UnsupportedType("Binary".to_owned())));
}

#[test]
fn bytes_out_of_order_are_an_error() {
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
    let split = SplitRange { start: 10, end: 20, file_len: 30 };
    let mut decoder = CsvDecoder::new(Arc::new(CsvOptions::default()), Wanted::rows(schema, &[0], 10), split);
    assert_eq!(decoder.wants(), Some(9..20));
    assert_eq!(decoder.feed(10, b"a").unwrap_err().reason, Reason::OutOfOrder { wanted: 9, got: 10 });
}

#[test]
fn the_longest_record_may_come_in_small_pieces() {
    let options = CsvOptions { header: false, max_record_bytes: 100_000, ..CsvOptions::default() };
    let text = format!("{}\n{}", "x".repeat(100_000), "y\n".repeat(20_000));
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
    let split = SplitRange { start: 0, end: text.len() as u64, file_len: text.len() as u64 };
    let mut decoder = CsvDecoder::new(Arc::new(options), Wanted::rows(schema, &[], 30_000), split);
    while let Some(wanted) = decoder.wants() {
        let from = wanted.start as usize;
        decoder.feed(wanted.start, &text.as_bytes()[from..text.len().min(from + 1000)]).unwrap();
    }
    assert_eq!(decoder.next_batch().unwrap().num_rows(), 20_001);
}
