//! What samples say.

use super::*;
use crate::OnBad;
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};

fn head(text: &str) -> Sample<'_> {
    Sample { bytes: text.as_bytes(), complete: true, starts_record: true }
}

fn inferred(text: &str) -> Inferred {
    infer(&[head(text)], &JsonOptions::default()).unwrap()
}

/// The type of column `a`, whose values are `values`.
fn check(values: &[&str], expected: DataType) {
    let text: String = values.iter().map(|value| format!("{{\"a\":{value}}}\n")).collect();
    assert_eq!(inferred(&text).schema.field(0).data_type(), &expected, "{values:?}");
}

fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", element, true)))
}

#[test]
fn types_of_values() {
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    check(&["1", "-2", "null"], DataType::Int64);
    check(&["1", "2.5"], DataType::Float64);
    check(&["1e3"], DataType::Float64);
    check(&["12345678901234567890"], DataType::Float64);
    check(&["true", "false"], DataType::Boolean);
    check(&["\"2015-01-31\""], DataType::Date32);
    check(&["\"2015-01-31\"", "\"2015-01-31T12:00:00Z\""], timestamp);
    check(&["\"2015-01-31\"", "\"x\""], DataType::Utf8View);
    check(&["\"1\""], DataType::Utf8View);
    check(&["[1]", "[2.5, null]", "[]"], list(DataType::Float64));
    check(&["[[1]]", "[null]"], list(list(DataType::Int64)));
    let pair = Fields::from(vec![Field::new("x", DataType::Int64, true), Field::new("y", DataType::Boolean, true)]);
    check(&["{\"x\":1}", "{\"y\":true}"], DataType::Struct(pair));
}

#[test]
fn different_kinds_are_json_text() {
    check(&["1", "\"x\""], DataType::Utf8View);
    check(&["{\"x\":1}", "[1]"], DataType::Utf8View);
    let found = inferred("{\"a\":1,\"b\":{\"c\":[1,true]}}\n{\"a\":\"x\"}\n");
    assert_eq!(
        found.notes,
        ["column a: numbers and strings: kept as JSON text", "column b.c[]: booleans and numbers: kept as JSON text"]
    );
    let paths: Vec<_> = found.rules.iter().map(|(path, rule)| format!("{path}: {rule}")).collect();
    assert_eq!(
        paths,
        [
            "a: numbers and strings: kept as JSON text",
            "b: only objects",
            "b.c: only arrays",
            "b.c[]: booleans and numbers: kept as JSON text"
        ]
    );
}

#[test]
fn nothing_seen_is_text_and_unknown() {
    let found = inferred("{\"a\":null,\"b\":[],\"c\":{},\"d\":{\"e\":[[],[null]]},\"f\":1}\n");
    assert_eq!(found.unknown, ["a", "b", "c", "d.e"]);
    assert_eq!(found.schema.field(0).data_type(), &DataType::Utf8View);
}

#[test]
fn columns_in_the_order_of_appearance_first_of_equal_keys() {
    let found = inferred("{\"b\":1,\"a\":1,\"b\":\"x\"}\n{\"c\":1,\"\\u0061\":2}\n");
    let names: Vec<_> = found.schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["b", "a", "c"]);
    assert_eq!(found.schema.field(0).data_type(), &DataType::Int64);
}

fn objects(keys: impl Fn(usize) -> usize) -> String {
    (0..300).map(|row| format!("{{\"m\":{{\"k{}\":{{\"v\":{row}}}}}}}\n", keys(row))).collect()
}

#[test]
fn many_rare_keys_are_a_map() {
    let found = inferred(&objects(|row| row));
    let DataType::Map(entries, false) = found.schema.field(0).data_type() else { panic!("{:?}", found.schema) };
    let DataType::Struct(entries) = entries.data_type() else { panic!("{entries:?}") };
    let value = Fields::from(vec![Field::new("v", DataType::Int64, true)]);
    assert_eq!(entries[1].data_type(), &DataType::Struct(value));
    assert_eq!(found.notes, ["column m: 300 different keys in 300 objects: a map"]);
    let few = inferred(&objects(|row| row % 200));
    assert!(matches!(few.schema.field(0).data_type(), DataType::Struct(_)));
}

#[test]
fn samples_from_everywhere() {
    let head = Sample { bytes: b"\xef\xbb\xbf{\"a\":1}\n{\"a\":2}\n{\"a\":", complete: false, starts_record: true };
    let middle = Sample { bytes: b"3}\n{\"b\":2.5}\n{\"a\":fa", complete: false, starts_record: false };
    let found = infer(&[head, middle], &JsonOptions::default()).unwrap();
    assert_eq!(found.sampled_records, 3);
    assert_eq!(found.schema.fields().len(), 2);
}

#[test]
fn arrays_and_objects_over_several_lines() {
    let options = JsonOptions { format: Format::Array, ..JsonOptions::default() };
    for text in ["[\n {\"a\":1},\n {\"a\":\n 2.5}\n]\n", "{\n \"a\":1}\n{\"a\":2.5}"] {
        let found = infer(&[head(text)], &options).unwrap();
        assert_eq!((found.sampled_records, found.schema.field(0).data_type()), (2, &DataType::Float64), "{text}");
    }
    let cut = Sample { complete: false, ..head("[{\"a\":1},{\"a\":") };
    assert_eq!(infer(&[cut], &options).unwrap().sampled_records, 1);
}

fn refused(text: &str, on_bad: OnBad) -> String {
    infer(&[head(text)], &JsonOptions { on_bad, ..JsonOptions::default() }).unwrap_err().to_string()
}

#[test]
fn what_says_nothing() {
    assert_eq!(refused("", OnBad::Fail), "the file is empty: it has no record");
    assert_eq!(refused("\n \n", OnBad::Fail), "the file is empty: it has no record");
    let endless = Sample { complete: false, ..head("{\"a\":1") };
    assert_eq!(infer(&[endless], &JsonOptions::default()), Err(InferError::NoRecord(6)));
    let hint = "not with one object a line; read it with format = array";
    assert!(refused("[{\"a\":1}]\n", OnBad::Skip).ends_with(hint));
    assert!(refused("{\n\"a\":1\n}\n", OnBad::Null).ends_with(hint));
    let bad = refused("{\"a\":1}\n{\"a\":}\n", OnBad::Fail);
    assert_eq!(bad, "record at byte 8 (line 2): not valid JSON at byte 13: a value is expected; correct the record");
}

#[test]
fn bad_records_are_passed_over() {
    let options = JsonOptions { on_bad: OnBad::Skip, ..JsonOptions::default() };
    let found = infer(&[head("{\"a\":1}\n{\"b\":\n{\"a\":2}\n")], &options).unwrap();
    assert_eq!((found.sampled_records, found.bad_records, found.schema.fields().len()), (2, 1, 1));
}

#[test]
fn deep_nesting_is_text() {
    let text = format!("{{\"a\":{}1{}}}", "[".repeat(1000), "]".repeat(1000));
    let found = inferred(&text);
    assert!(matches!(found.rules.last(), Some((_, Rule::TooDeep))));
}
