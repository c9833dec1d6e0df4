//! What the three policies make of each kind of malformed input: one check a row of the table in the project's CSV rules.
#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use arrow::util::display::array_value_to_string;
use bobbin_parse::csv::{CsvDecoder, CsvOptions, Encoding};
use bobbin_parse::{BadRecords, Decoder, OnBad, Reason, RecordError, SplitRange, Wanted, Yield};

/// Rows as text, NULL as `-`; and what was bad.
type Outcome = Result<(Vec<String>, Vec<&'static str>), &'static str>;

fn decoder(options: CsvOptions, text: &[u8], fields: Vec<Field>, yields: Yield) -> Result<CsvDecoder, RecordError> {
    let projection: Vec<usize> = (0..fields.len()).collect();
    let split = SplitRange { start: 0, end: text.len() as u64, file_len: text.len() as u64 };
    let wanted = Wanted { yields, ..Wanted::rows(Arc::new(Schema::new(fields)), &projection, 1000) };
    let mut decoder = CsvDecoder::new(Arc::new(options), wanted, split);
    decoder.feed(0, text)?;
    Ok(decoder)
}

fn rows(batch: &RecordBatch) -> Vec<String> {
    let cell = |column: &dyn Array, row| {
        if column.is_valid(row) { array_value_to_string(column, row).unwrap() } else { "-".to_owned() }
    };
    let row = |row| batch.columns().iter().map(|column| cell(column, row)).collect::<Vec<_>>().join("|");
    (0..batch.num_rows()).map(row).collect()
}

fn kinds(bad: &BadRecords) -> Vec<&'static str> {
    bad.counts.iter().flat_map(|(kind, count)| vec![*kind; *count as usize]).collect()
}

fn decode(options: &CsvOptions, on_bad: OnBad, text: &[u8], nullable: bool) -> Outcome {
    let options = CsvOptions { header: false, on_bad, ..options.clone() };
    let fields = vec![Field::new("a", DataType::Int64, nullable), Field::new("b", DataType::Utf8View, true)];
    let mut decoder = decoder(options, text, fields, Yield::Rows).map_err(|error| error.reason.kind())?;
    let found = decoder.next_batch().map(|batch| rows(&batch)).unwrap_or_default();
    Ok((found, kinds(decoder.bad_records())))
}

/// Two columns, BIGINT and VARCHAR: what is left when records are skipped, and when NULL is left for what cannot be read.
fn check(text: &str, kind: &'static str, skipped: &[&str], nulled: &[&str]) {
    let owned = |rows: &[&str]| rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>();
    let options = CsvOptions::default();
    assert_eq!(decode(&options, OnBad::Fail, text.as_bytes(), true), Err(kind), "{text:?}");
    let skip = decode(&options, OnBad::Skip, text.as_bytes(), true);
    assert_eq!(skip, Ok((owned(skipped), vec![kind])), "{text:?}");
    let null = decode(&options, OnBad::Null, text.as_bytes(), true);
    assert_eq!(null, Ok((owned(nulled), vec![kind])), "{text:?}");
}

/// Nothing is wrong, whatever the policy is.
fn check_good(options: &CsvOptions, text: &str, expected: &[&str]) {
    let expected: Vec<_> = expected.iter().map(|row| (*row).to_owned()).collect();
    for on_bad in [OnBad::Fail, OnBad::Skip, OnBad::Null] {
        let found = decode(options, on_bad, text.as_bytes(), true);
        assert_eq!(found, Ok((expected.clone(), Vec::new())), "{text:?}");
    }
}

#[test]
fn structure() {
    check("1,x\n2,y,z\n3,w\n", "field count", &["1|x", "3|w"], &["1|x", "2|y", "3|w"]);
    check("1,x\n2\n3,w\n", "field count", &["1|x", "3|w"], &["1|x", "2|-", "3|w"]);
    check("1,x\n \n3,w\n", "field count", &["1|x", "3|w"], &["1|x", "-|-", "3|w"]);
    check("1,x\n2,y,\n3,w\n", "field count", &["1|x", "3|w"], &["1|x", "2|y", "3|w"]);
    check("1,x\n2,\"y\"z\n3,w\n", "text after quote", &["1|x", "3|w"], &["1|x", "2|-", "3|w"]);
    check("1,x\n\"2\"0,y\n3,w\n", "text after quote", &["1|x", "3|w"], &["1|x", "-|y", "3|w"]);
    check("1,x\n2,\"y\n3,w\n", "unterminated quote", &["1|x"], &["1|x"]);
}

#[test]
fn values() {
    check("1,x\nq,y\n3,w\n", "bad value", &["1|x", "3|w"], &["1|x", "-|y", "3|w"]);
    for value in ["1.5", "1_000", "1e3", "0x10", "9223372036854775808", "NA"] {
        check(&format!("{value},x\n"), "bad value", &[], &["-|x"]);
    }
    let latin1 = b"1,caf\xe9\n2,y\n";
    let text = |on_bad| decode(&CsvOptions::default(), on_bad, latin1, true);
    assert_eq!(text(OnBad::Fail), Err("not UTF-8"));
    assert_eq!(text(OnBad::Skip), Ok((vec!["2|y".into()], vec!["not UTF-8"])));
    assert_eq!(text(OnBad::Null), Ok((vec!["1|-".into(), "2|y".into()], vec!["not UTF-8"])));
}

#[test]
fn null_where_it_must_not_be() {
    let decode = |on_bad| decode(&CsvOptions::default(), on_bad, b"1,x\n,y\nq,z\n", false);
    assert_eq!(decode(OnBad::Fail), Err("unexpected null"));
    for on_bad in [OnBad::Skip, OnBad::Null] {
        assert_eq!(decode(on_bad), Ok((vec!["1|x".into()], vec!["bad value", "unexpected null"])));
    }
}

#[test]
fn what_is_good_under_every_policy() {
    let default = CsvOptions::default();
    check_good(&default, "\n1,x\n\r\n\n2,y\n", &["1|x", "2|y"]);
    check_good(&default, "1,x\"y\"z\n2,5\" pipe\n", &["1|x\"y\"z", "2|5\" pipe"]);
    let short = CsvOptions { allow_short_rows: true, ..default.clone() };
    check_good(&short, "1\n2,y\n3\r\n4", &["1|-", "2|y", "3|-", "4|-"]);
    let trailing = CsvOptions { allow_trailing_sep: true, ..default.clone() };
    check_good(&trailing, "1,x,\n2,y\r\n3,z,\r\n4,,\n", &["1|x", "2|y", "3|z", "4|-"]);
    let blanks = CsvOptions { skip_initial_space: true, ..default.clone() };
    check_good(&blanks, "1, \"x,y\"\n 2,\t z \n", &["1|x,y", "2|z "]);
    let escape = CsvOptions { escape: Some(b'\\'), null_tokens: vec!["\\N".into()], ..default.clone() };
    check_good(&escape, "1,a\\,b\n2,\"\\\"\\\\\"\n3,\\N\n4,x\\\ny\n", &["1|a,b", "2|\"\\", "3|-", "4|x\ny"]);
    let comment = CsvOptions { comment: Some("--".into()), ..default.clone() };
    check_good(&comment, "--\"\n1,x\n-- 2,\"y\n3,\"z\n--\"\n-4,--\n--", &["1|x", "3|z\n--", "-4|--"]);
    let lossy = CsvOptions { encoding: Encoding::Utf8Lossy, ..default };
    assert_eq!(decode(&lossy, OnBad::Fail, b"1,caf\xe9\n", true), Ok((vec!["1|caf\u{fffd}".into()], Vec::new())));
    let cp1252 = CsvOptions { encoding: Encoding::Cp1252, ..lossy };
    assert_eq!(decode(&cp1252, OnBad::Fail, b"1,5\x80\n", true), Ok((vec!["1|5€".into()], Vec::new())));
}

#[test]
fn the_lost_tail_is_measured() {
    let options = CsvOptions { header: false, on_bad: OnBad::Skip, ..CsvOptions::default() };
    let fields = vec![Field::new("a", DataType::Utf8View, true)];
    let decoder = decoder(options, b"x\ny\"\n\"z\n12345", fields, Yield::Rows).unwrap();
    assert_eq!(decoder.bad_records().samples[0].reason, Reason::LostTail { opened: 5, lost: 8 });
    let message = decoder.bad_records().samples[0].to_string();
    assert!(message.starts_with(
        "record at byte 5 (line 3): the quote opened at byte 5 is never closed, so that the last 8 bytes"
    ));
}

#[test]
fn a_header_is_never_skipped() {
    for on_bad in [OnBad::Skip, OnBad::Null] {
        let options = CsvOptions { on_bad, allow_short_rows: true, ..CsvOptions::default() };
        let fields = vec![Field::new("a", DataType::Int64, true), Field::new("b", DataType::Utf8View, true)];
        let error = decoder(options, b"a\n1,2\n", fields, Yield::Rows).map(|_| ()).unwrap_err();
        assert_eq!(error.reason, Reason::FieldCount { expected: 2, found: 1 });
    }
}

#[test]
fn lines_around_the_header_are_skipped() {
    let options =
        CsvOptions { skip_rows: 2, skip_rows_after_header: 1, comment: Some("#".into()), ..CsvOptions::default() };
    let fields = vec![Field::new("a", DataType::Int64, true)];
    let text = b"\xef\xbb\xbf\"made by\n\n#\"\n\na\nunits\n1\n2\n";
    let mut decoder = decoder(options, text, fields, Yield::Rows).unwrap();
    let batch = decoder.next_batch().unwrap();
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values().as_ref(), [1, 2]);
}

#[test]
fn rejects_are_a_table() {
    let fields = vec![Field::new("a", DataType::Int64, true), Field::new("b", DataType::Utf8View, true)];
    let options = CsvOptions { header: false, ..CsvOptions::default() };
    let mut decoder = decoder(options, b"1,x\nq,y\n3\n4,z\n5,\"w", fields, Yield::Rejects).unwrap();
    let batch = decoder.next_batch().unwrap();
    let found = rows(&batch);
    let reason = "\"q\" is not a BIGINT; correct it, name it as a null token, or declare the column as VARCHAR";
    assert_eq!(found[0], format!("4|2|a|bad value|{reason}|q,y"));
    assert!(found[1].starts_with("8|3|-|field count|1 fields where 2 are expected;") && found[1].ends_with("|3"));
    assert!(found[2].starts_with("14|5|-|unterminated quote|") && found[2].ends_with("|5,\"w"));
    assert_eq!((found.len(), decoder.bad_records().total()), (3, 0));
}

#[test]
fn a_long_record_costs_only_its_lines() {
    let options = CsvOptions { header: false, max_record_bytes: 10, on_bad: OnBad::Null, ..CsvOptions::default() };
    let fields = vec![Field::new("a", DataType::Utf8View, true)];
    let text = b"a\n\"b\nc\nd\ne\nf\ng\nh\n0123456789abc\ni\n";
    let mut decoder = decoder(options, text, fields, Yield::Rows).unwrap();
    assert_eq!(rows(&decoder.next_batch().unwrap()), ["a", "h", "i"]);
    assert_eq!(kinds(decoder.bad_records()), ["too long", "unterminated quote"]);
}
