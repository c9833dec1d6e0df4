//! Malformed JSON: what becomes of it in each of the three modes, and what the errors say.
#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Fields, Int64Type, Schema, SchemaRef, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bobbin_parse::json::{Format, JsonDecoder, JsonOptions};
use bobbin_parse::{BadRecords, Decoder, Extra, Line, OnBad, RecordError, RowFilter, SplitRange, Wanted, Yield};

fn schema(data_type: DataType) -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("a", data_type, true), Field::new("b", DataType::Utf8View, true)]))
}

struct Outcome {
    rows: Vec<String>,
    batches: Vec<RecordBatch>,
    bad: BadRecords,
    error: Option<RecordError>,
}

fn decode(text: &[u8], wanted: Wanted, options: &JsonOptions) -> Outcome {
    let len = text.len() as u64;
    let split = SplitRange { start: 0, end: len, file_len: len };
    let mut decoder = JsonDecoder::new(Arc::new(options.clone()), wanted, split);
    let mut error = None;
    while let Some(range) = decoder.wants() {
        if let Err(found) = decoder.feed(range.start, &text[range.start as usize..range.end as usize]) {
            error = Some(found);
        }
    }
    let batches: Vec<_> = std::iter::from_fn(|| decoder.next_batch()).collect();
    let rows = batches.iter().flat_map(rows).collect();
    Outcome { rows, batches, bad: decoder.bad_records().clone(), error }
}

/// Rows as text: values with `|` between them, NULL as `~`.
fn rows(batch: &RecordBatch) -> Vec<String> {
    let shown = |column: &ArrayRef, row: usize| {
        let options = FormatOptions::new().with_null("~");
        ArrayFormatter::try_new(column, &options).unwrap().value(row).to_string()
    };
    let row = |row| batch.columns().iter().map(|column| shown(column, row)).collect::<Vec<_>>().join("|");
    (0..batch.num_rows()).map(row).collect()
}

fn both(schema: &SchemaRef) -> Wanted {
    Wanted::rows(Arc::clone(schema), &[0, 1], 100)
}

/// `line` behind a good one, in the three modes: the error's reason, the rows of skip, the rows of null, the kind.
struct Case<'a> {
    line: &'a [u8],
    data_type: DataType,
    reason: &'a str,
    nulled: &'a [&'a str],
    kind: &'a str,
}

const GOOD: &str = "{\"b\":\"good\"}\n";
const AFTER: &str = "\n{\"b\":\"after\"}\n";

fn check(case: &Case<'_>, options: &JsonOptions) {
    let text = [GOOD.as_bytes(), case.line, AFTER.as_bytes()].concat();
    let schema = schema(case.data_type.clone());
    let of = |on_bad| decode(&text, both(&schema), &JsonOptions { on_bad, ..options.clone() });
    let shown = String::from_utf8_lossy(case.line);

    let fail = of(OnBad::Fail);
    let error = fail.error.unwrap_or_else(|| panic!("{shown} is read as {:?}", fail.rows));
    assert_eq!((error.offset, error.line), (GOOD.len() as u64, Line::OfFile(2)), "{shown}");
    assert!(error.reason.to_string().contains(case.reason), "{shown}: {error}");
    assert_eq!(error.reason.kind(), case.kind, "{shown}");
    assert_eq!((fail.rows, fail.bad.total()), (vec!["~|good".to_owned()], 0), "{shown}");

    let skip = of(OnBad::Skip);
    assert_eq!((skip.error, skip.rows), (None, vec!["~|good".to_owned(), "~|after".to_owned()]), "{shown}");
    assert_eq!(skip.bad.counts.get(case.kind), Some(&1), "{shown}: {:?}", skip.bad);
    assert_eq!(skip.bad.samples, [error]);

    let null = of(OnBad::Null);
    assert_eq!(null.error, None, "{shown}");
    assert_eq!(null.rows, [&["~|good"], case.nulled, &["~|after"]].concat(), "{shown}");
    assert_eq!(null.bad.counts.get(case.kind), Some(&1), "{shown}");
}

fn lazy() -> JsonOptions {
    JsonOptions::default()
}

fn strict() -> JsonOptions {
    JsonOptions { strict: true, ..JsonOptions::default() }
}

/// A good line in all modes.
fn good(line: &str, data_type: DataType, options: &JsonOptions, expected: &[&str]) {
    for on_bad in [OnBad::Fail, OnBad::Skip, OnBad::Null] {
        let options = JsonOptions { on_bad, ..options.clone() };
        let found = decode(format!("{line}\n").as_bytes(), both(&schema(data_type.clone())), &options);
        assert_eq!(
            (found.error, found.rows, found.bad.total()),
            (None, expected.iter().map(|row| (*row).to_owned()).collect(), 0),
            "{line}"
        );
    }
}

#[test]
fn lines_that_are_no_objects() {
    let end = "'}' is expected at its end";
    let start = "'{' is expected";
    let cases: [(&str, &str); 12] = [
        ("hello", start),
        ("{\"a\":1,\"b\":\"x", end),
        ("{\"a\":1} xyz", end),
        ("5", start),
        ("null", start),
        ("\"{}\"", start),
        ("[1]", start),
        ("{\"a\":NaN}", "a value is expected"),
        ("{\"a\" 1}", "':' is expected behind a key"),
        ("{\"a\":1 \"b\":2}", "',' or the end"),
        ("{'a':1}", "a key in double quotes is expected"),
        ("{\"a\":1,}", "a key in double quotes is expected"),
    ];
    for (line, reason) in cases {
        let (data_type, kind) = (DataType::Int64, "malformed");
        let case = Case { line: line.as_bytes(), data_type, reason, nulled: &["~|~"], kind };
        check(&case, &lazy());
        if !line.contains("xyz") {
            check(&case, &strict());
        }
    }
}

#[test]
fn what_only_strict_sees() {
    let cases: [(&[u8], &str, &str); 10] = [
        (b"{\"a\":1,\"b\":\"x\"}{}", "nothing is expected behind the object", "malformed"),
        (b"{\"a\":1,\"b\":\"x\"} xyz}", "nothing is expected behind the object", "malformed"),
        (b"{\"a\":1,\"b\":\"x\",}", "a key in double quotes", "malformed"),
        (b"{\"a\":1,\"b\":\"x\",\"c\":tru}", "a value is expected", "malformed"),
        (b"{\"a\":1,\"b\":\"x\",\"c\":01}", "a value is expected", "malformed"),
        (b"{\"a\":1,\"b\":\"x\",\"c\":[}]}", "a value is expected", "malformed"),
        (b"{\"a\":1,\"b\":\"x\ty\"}", "a control character in a string", "malformed"),
        (b"{\"a\":1,\"b\":\"x\",\"c\":\"\\q\"}", "an unknown escape", "malformed"),
        (b"{\"a\":1,\"b\":\"x\",\"\\u0061\":2}", "the key \"a\" occurs twice", "duplicate key"),
        (b"{\"a\":1,\"b\":\"x\",\"c\":\"\xff\"}", "is not UTF-8", "not UTF-8"),
    ];
    for (line, reason, kind) in cases {
        check(&Case { line, data_type: DataType::Int64, reason, nulled: &["~|~"], kind }, &strict());
        let found = decode(line, both(&schema(DataType::Int64)), &lazy());
        let expected = if line.contains(&b'\t') { "1|x\ty" } else { "1|x" };
        assert_eq!((found.error, found.rows), (None, vec![expected.to_owned()]), "{}", String::from_utf8_lossy(line));
    }
}

#[test]
fn bad_values() {
    let long = "12345678901234567890";
    let values =
        ["\"x\"", "\"1\"", "2.5", long, "true", "{\"x\":1}", "[1]", "1e400", "01", "-", "1.", "9223372036854775808"];
    for value in values {
        let line = format!("{{\"a\":{value},\"b\":\"bad\"}}");
        let reason = format!("{value:?} is not a BIGINT; correct it, or declare the column as VARCHAR");
        let nulled = &["~|bad"];
        let case =
            Case { line: line.as_bytes(), data_type: DataType::Int64, reason: &reason, nulled, kind: "bad value" };
        check(&case, &lazy());
    }
}

#[test]
fn bad_values_of_every_type() {
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    let item = |data_type| Arc::new(Field::new("item", data_type, true));
    let entries = vec![Field::new("keys", DataType::Utf8, false), Field::new("values", DataType::Int64, true)];
    let map = DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries.into()), false)), false);
    let structs = DataType::Struct(vec![Field::new("x", DataType::Int64, true)].into());
    let cases = [
        (DataType::Boolean, "1", "is not a BOOLEAN"),
        (DataType::Boolean, "\"true\"", "is not a BOOLEAN"),
        (DataType::Float64, "\"1.5\"", "is not a DOUBLE"),
        (DataType::Float64, "1e400", "is not a DOUBLE"),
        (DataType::Date32, "\"2015-02-30\"", "is not a DATE"),
        (DataType::Date32, "20150201", "is not a DATE"),
        (timestamp, "\"2015-02-01 25:00:00\"", "is not a TIMESTAMP"),
        (DataType::Decimal128(4, 2), "1.005", "is not a DECIMAL"),
        (DataType::Decimal128(4, 2), "100", "is not a DECIMAL"),
        (DataType::Null, "1", "is not a NULL"),
        (DataType::Int8, "128", "is not a TINYINT"),
        (DataType::UInt8, "-1", "is not a TINYINT UNSIGNED"),
        (DataType::Utf8View, "01", "is not a VARCHAR"),
        (DataType::List(item(DataType::Int64)), "{}", "is not a LIST"),
        (structs, "[]", "is not a STRUCT"),
        (map, "7", "is not a MAP"),
    ];
    for (data_type, value, reason) in cases {
        let line = format!("{{\"a\":{value},\"b\":\"bad\"}}");
        let nulled = &["~|bad"];
        check(&Case { line: line.as_bytes(), data_type, reason, nulled, kind: "bad value" }, &lazy());
    }
}

#[test]
fn bad_texts() {
    let lossy = JsonOptions { lossy: true, ..lazy() };
    let half = Case {
        line: br#"{"a":"\ud800x","b":"bad"}"#,
        data_type: DataType::Utf8View,
        reason: "half of a surrogate pair",
        nulled: &["~|bad"],
        kind: "lone surrogate",
    };
    check(&half, &lazy());
    good(r#"{"a":"\ud800x","b":"bad"}"#, DataType::Utf8View, &lossy, &["\u{fffd}x|bad"]);
    let bytes = Case { line: b"{\"a\":\"\xff\",\"b\":\"bad\"}", reason: "is not UTF-8", kind: "not UTF-8", ..half };
    check(&bytes, &lazy());
    let found = decode(bytes.line, both(&schema(DataType::Utf8)), &lossy);
    assert_eq!(found.rows, ["\u{fffd}|bad"]);
}

#[test]
fn what_is_good() {
    for (value, expected) in [("1e3", "1000"), ("1.0", "1"), ("-0", "0"), ("1.5e1", "15"), ("null", "~")] {
        good(&format!("{{\"a\":{value}}}"), DataType::Int64, &lazy(), &[&format!("{expected}|~")]);
    }
    for options in [lazy(), strict()] {
        good("\n{}\n  \r\n{\"b\":null}", DataType::Int64, &options, &["~|~", "~|~"]);
        good("\u{feff}{\"a\":1}", DataType::Int64, &options, &["1|~"]);
        good(" { \"\\u0061\" : 1 , \"c\" : [ ] } \r", DataType::Int64, &options, &["1|~"]);
        good("{\"b\":{\"x\": [1,\"}\"]},\"a\":7}", DataType::Int64, &options, &["7|{\"x\": [1,\"}\"]}"]);
        good("{\"b\":1.50,\"a\":7}\n{\"b\":true}", DataType::Int64, &options, &["7|1.50", "~|true"]);
    }
    good("{\"a\":1,\"a\":2}", DataType::Int64, &lazy(), &["1|~"]);
    good("{\"a\":\"\\u00fc\\n\\\"\"}", DataType::Utf8View, &lazy(), &["ü\n\"|~"]);
    good("{\"a\":2.50}", DataType::Decimal128(10, 1), &lazy(), &["2.5|~"]);
    let coerce = JsonOptions { coerce_strings: true, ..lazy() };
    good("{\"a\":\"1\"}", DataType::Int64, &coerce, &["1|~"]);
    good("{\"a\":\"true\"}", DataType::Boolean, &coerce, &["true|~"]);
    let nan = JsonOptions { allow_nan: true, ..lazy() };
    good("{\"a\":NaN}\n{\"a\":-Infinity}", DataType::Float64, &nan, &["NaN|~", "-inf|~"]);
}

#[test]
fn records_that_are_not_one_a_line() {
    let hint = "not with one object a line; read it with format = array";
    for text in ["{\n \"a\": 1\n}\n", "[\n{\"a\":1}\n]\n", "[{\"a\":1},{\"a\":2}]", "\n{ \"a\": [\n1]}\n"] {
        for on_bad in [OnBad::Fail, OnBad::Skip, OnBad::Null] {
            let options = JsonOptions { on_bad, ..lazy() };
            let error = decode(text.as_bytes(), both(&schema(DataType::Int64)), &options).error.unwrap();
            assert!(error.to_string().ends_with(hint), "{text}: {error}");
        }
        let options = JsonOptions { format: Format::Array, ..lazy() };
        let found = decode(text.as_bytes(), both(&schema(DataType::Utf8View)), &options);
        assert_eq!(found.error, None, "{text}");
        assert!(!found.rows.is_empty());
    }
    let later = decode(b"{}\n{\n", both(&schema(DataType::Int64)), &JsonOptions { on_bad: OnBad::Skip, ..lazy() });
    assert_eq!((later.error, later.bad.total()), (None, 1));
}

#[test]
fn too_long_records() {
    let options = JsonOptions { max_record_bytes: 20, ..lazy() };
    let line = b"{\"a\":1,\"b\":\"0123456789\"}";
    check(&Case { line, data_type: DataType::Int64, reason: "longer than", nulled: &[], kind: "too long" }, &options);
}

fn nested() -> SchemaRef {
    let inner = vec![Field::new("x", DataType::Int64, false), Field::new("y", DataType::Utf8View, true)];
    let element = Field::new("item", DataType::Struct(Fields::from(inner)), true);
    let list = Field::new("l", DataType::List(Arc::new(element)), true);
    Arc::new(Schema::new(vec![list, Field::new("k", DataType::Int64, true)]))
}

#[test]
fn bad_records_leave_no_trace_in_nested_columns() {
    let text = b"{\"k\":1,\"l\":[{\"x\":1},{\"x\":2,\"y\":\"z\"}]}\n{\"k\":2,\"l\":[{\"x\":3},{\"y\":\"n\"}]}\n\
        {\"k\":3,\"l\":[{\"x\":4},null,{\"x\":\"bad\"}]}\n{\"k\":4,\"l\":[{\"x\":5}]}\n{\"l\":[{\"x\":6},{\"x\":7},}\n{\"k\":\"six\",\"l\":[]}\n";
    let of = |on_bad| decode(text, both(&nested()), &JsonOptions { on_bad, ..lazy() });
    let first = "[{x: 1, y: ~}, {x: 2, y: z}]|1";
    let fail = of(OnBad::Fail);
    assert_eq!(fail.rows, [first]);
    assert_eq!(
        fail.error.unwrap().to_string(),
        "record at byte 38 (line 2), column l[].x: NULL in a column that is declared NOT NULL; declare it nullable, or fill the field"
    );
    let skip = of(OnBad::Skip);
    assert_eq!(skip.rows, [first, "[{x: 5, y: ~}]|4"]);
    assert_eq!(skip.bad.total(), 4);
    let null = of(OnBad::Null);
    assert_eq!(null.rows, [first, "[{x: 5, y: ~}]|4", "~|~", "[]|~"]);
    assert_eq!(null.bad.total(), 4);
}

#[test]
fn types_that_json_lacks() {
    let found = decode(b"{}\n", both(&schema(DataType::Binary)), &JsonOptions { on_bad: OnBad::Skip, ..lazy() });
    let message = "record at byte 0 (line 1), column a: columns of type Binary cannot be read from JSON; declare the column as VARCHAR and cast it in the query";
    assert_eq!(found.error.unwrap().to_string(), message);
    let shallow = JsonOptions { max_depth: 2, ..lazy() };
    let error = decode(b"{}\n", both(&nested()), &shallow).error.unwrap();
    assert!(error.to_string().contains("nested deeper than max_depth = 2"), "{error}");
}

/// Keeps rows whose first column is at least `least`.
struct AtLeast {
    columns: Vec<usize>,
    least: i64,
}

impl RowFilter for AtLeast {
    fn columns(&self) -> &[usize] {
        &self.columns
    }

    fn keep(&mut self, batch: &RecordBatch) -> Result<arrow::array::BooleanArray, arrow::error::ArrowError> {
        let values = batch.column(0).as_primitive::<Int64Type>();
        Ok(values.iter().map(|value| value.map(|value| value >= self.least)).collect())
    }
}

#[test]
fn filters_extras_and_exact_batches() {
    let mut text = String::new();
    for row in 0..5000 {
        text += &format!("{{\"a\":{},\"b\":\"r{row}\"}}\n", row % 10);
    }
    text += "{\"a\":\"x\",\"b\":\"bad\"}\n{\"a\":1,\"b\":\"\\ud800\"}\n{\"a\":9,\"b\":\"\\ud800\"}\n";
    let wanted = || Wanted {
        extras: vec![Extra::RowNumber, Extra::Offset],
        filter: Some(Box::new(AtLeast { columns: vec![0], least: 8 })),
        ..both(&schema(DataType::Int64))
    };
    let found = decode(text.as_bytes(), wanted(), &JsonOptions { on_bad: OnBad::Null, ..lazy() });
    let sizes: Vec<_> = found.batches.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(sizes, [vec![100; 10], vec![1]].concat());
    assert_eq!(found.rows[0], "8|r8|8|136");
    assert_eq!(found.rows[1000], format!("9|~|5002|{}", text.rfind("{\"a\":9").unwrap()));
    // What the filter refuses is not read: the second bad text is not counted.
    assert_eq!((found.bad.counts["bad value"], found.bad.counts["lone surrogate"]), (1, 1));
    let failed = decode(text.as_bytes(), wanted(), &lazy());
    assert_eq!(failed.rows.len(), 1000);
    assert_eq!(failed.error.unwrap().line, Line::OfFile(5001));
}

#[test]
fn rejects() {
    let text = b"{\"a\":1}\nhello\n{\"a\":\"x\"}\n\n{\"a\":2}\n";
    let wanted = Wanted { yields: Yield::Rejects, ..both(&schema(DataType::Int64)) };
    let found = decode(text, wanted, &lazy());
    assert_eq!(found.error, None);
    let batch = concat_batches(&found.batches[0].schema(), &found.batches).unwrap();
    assert_eq!(batch.schema(), bobbin_parse::rejects_schema());
    assert_eq!(
        found.rows,
        [
            "8|2|~|malformed|not valid JSON at byte 8: '{' is expected; correct the record|hello",
            "14|3|a|bad value|\"\\\"x\\\"\" is not a BIGINT; correct it, or declare the column as VARCHAR, which keeps what is written|{\"a\":\"x\"}",
        ]
    );
    assert_eq!(batch.column(0).len(), 2);
}

#[test]
fn arrays_that_are_broken() {
    let of = |text: &str, on_bad| {
        let options = JsonOptions { format: Format::Array, on_bad, ..lazy() };
        decode(text.as_bytes(), both(&schema(DataType::Int64)), &options)
    };
    let cases = [
        ("[{\"a\":1}", "the array does not end", 1),
        ("[{\"a\":1} {\"a\":2}]", "',' or ']' is expected behind an element", 1),
        ("[{\"a\":1},]", "an object is expected", 1),
        ("[{\"a\":1}] x", "nothing is expected behind the array", 1),
        ("[{\"a\":1},\n{\"a\":", "an object or array does not end", 1),
        ("[{\"a\":1},\n5,{\"a\":2}]", "'{' is expected", 1),
        ("5", "'[' or '{' is expected", 0),
    ];
    for (text, what, before) in cases {
        let error = of(text, OnBad::Fail).error.unwrap();
        assert!(error.to_string().contains(what), "{text}: {error}");
        assert_eq!(error.line, Line::OfFile(if text.contains('\n') { 2 } else { 1 }), "{text}");
        let skip = of(text, OnBad::Skip);
        let after = usize::from(text.contains(",5") || text.contains("\n5"));
        assert_eq!((skip.error, skip.bad.total(), skip.rows.len()), (None, 1, before + after), "{text}");
    }
    assert_eq!(of("", OnBad::Fail).rows.len(), 0);
    assert_eq!(of("[]", OnBad::Fail).rows.len(), 0);
}
