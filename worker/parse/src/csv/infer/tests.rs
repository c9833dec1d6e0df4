//! Samples and what they say.

use arrow::datatypes::{DataType, TimeUnit};

use super::*;

fn inferred(sample: &str) -> Inferred {
    infer(sample.as_bytes(), true, &CsvOptions::default()).unwrap()
}

fn refused(sample: &[u8]) -> String {
    infer(sample, true, &CsvOptions::default()).unwrap_err().to_string()
}

fn columns(inferred: &Inferred) -> Vec<(&str, DataType)> {
    inferred.schema.fields().iter().map(|field| (field.name().as_str(), field.data_type().clone())).collect()
}

#[test]
fn names_and_types() {
    let found =
        inferred("\u{feff}id,\"when, exactly\",fare,name,e\r\n1,2015-01-01 00:00:00,2.5,x,\n\n2,,3,\"1\"\"\",\n");
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    assert_eq!(
        columns(&found),
        [
            ("id", DataType::Int64),
            ("when, exactly", timestamp),
            ("fare", DataType::Float64),
            ("name", DataType::Utf8View),
            ("e", DataType::Utf8View),
        ]
    );
    assert_eq!((found.sampled_records, found.unknown.as_slice()), (2, [4].as_slice()));
    assert!(found.warnings.is_empty());
    assert!(found.schema.fields().iter().all(|field| field.is_nullable()));
}

#[test]
fn every_record_of_the_sample_counts() {
    let sample = format!("a\n{}x\n", "1\n".repeat(5000));
    assert_eq!(columns(&inferred(&sample)), [("a", DataType::Utf8View)]);
}

#[test]
fn quoted_numbers_are_numbers() {
    assert_eq!(columns(&inferred("a\n\"1\"\n\" 2 \"\n\"\"\n")), [("a", DataType::Int64)]);
}

#[test]
fn null_tokens_do_not_count() {
    let options = CsvOptions { null_tokens: vec!["N/A".into()], ..CsvOptions::default() };
    let found = infer(b"a\n1\nN/A\n", true, &options).unwrap();
    assert_eq!(columns(&found), [("a", DataType::Int64)]);
}

#[test]
fn without_a_header() {
    let options = CsvOptions { header: false, ..CsvOptions::default() };
    let found = infer(b"1,x\n2,y\n", true, &options).unwrap();
    assert_eq!(columns(&found), [("column_1", DataType::Int64), ("column_2", DataType::Utf8View)]);
    assert_eq!(found.sampled_records, 2);
}

#[test]
fn duplicate_and_empty_names() {
    let found = inferred("a,a,,a\n");
    let names: Vec<_> = columns(&found).into_iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(names, ["a", "a_1", "column_3", "a_2"]);
    assert_eq!(found.header, ["a", "a", "column_3", "a"]);
    assert_eq!(found.warnings.len(), 2);
}

#[test]
fn an_unfinished_record_is_left_out() {
    let found = infer(b"a,b\n1,2\n3,\"x", false, &CsvOptions::default()).unwrap();
    assert_eq!(columns(&found), [("a", DataType::Int64), ("b", DataType::Int64)]);
    assert_eq!(
        refused(b"a,b\n1,2\n3,\"x"),
        "record at byte 8 (line 3): the quote opened at byte 10 is never closed; close it, or switch quoting off"
    );
}

#[test]
fn what_is_no_csv() {
    assert_eq!(refused(b""), "the file is empty: neither a header nor a record");
    assert_eq!(refused(b"\xef\xbb\xbf\n\r\n"), "the file is empty: neither a header nor a record");
    assert_eq!(refused(b"\x1f\x8b\x08"), "not a CSV file: it is gzip-compressed; unpack it first");
    assert_eq!(refused(b"a\0,\0b\0\n"), "not a CSV file: 3 of its first 7 bytes are NUL: it is binary");
    assert!(refused(b"a,b\r1,2\r3,4\r").starts_with("lines end with a carriage return alone"));
    assert!(refused(b"a\xff\n").contains("is not UTF-8"));
    let endless = infer(&[b'x'; 5000], false, &CsvOptions::default()).unwrap_err();
    assert_eq!(endless, InferError::NoRecord(5000));
}

#[test]
fn ragged_records() {
    let message = "record at byte 8 (line 3): 3 fields where 2 are expected; quote fields that hold the separator, or correct the line";
    assert_eq!(refused(b"a,b\n1,2\n1,2,3\n"), message);
    assert!(refused(b"a,b\n1\n").contains("1 fields where 2 are expected"));
    assert!(refused(b"a,b\n \n").contains("1 fields where 2 are expected"));
}

#[test]
fn lone_carriage_returns_are_a_warning() {
    let found = inferred("a\nx\ry\n");
    assert_eq!(found.warnings, ["1 carriage returns that end no line are read as part of their field"]);
}

#[test]
fn a_lone_nul_byte_is_a_warning() {
    assert_eq!(inferred("a,b\n1,\0\n").warnings, ["1 NUL bytes are read as part of their field"]);
}

#[test]
fn options_are_checked() {
    let options = CsvOptions { separator: b'"', ..CsvOptions::default() };
    assert!(matches!(infer(b"a\n", true, &options), Err(InferError::Options(_))));
}
