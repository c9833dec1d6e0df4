//! The decoder against a slow reader that is obviously right: serde_json, and a few lines about columns.
#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

mod json_reader;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use bobbin_parse::OnBad;
use bobbin_parse::json::{Format, JsonOptions, Sample, infer};
use json_reader::{decode, expected, options, schema, whole};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Any value, with keys that the schema often has.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1000i64..1000).prop_map(|n| json!(n as f64 / 8.0)),
        "[a-z\"\\\\{}\\[\\],: \u{0}-\u{1f}é😀]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let key = prop::sample::select(vec!["a", "b", "c", "d", "e", "f\n\"", "x", ""]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

fn any_record() -> impl Strategy<Value = Value> {
    let field = |data_type: u8| match data_type {
        0 => prop_oneof![any::<i64>().prop_map(Value::from), any_value()].boxed(),
        1 => any_value().boxed(),
        _ => Just(Value::Null).boxed(),
    };
    let names = ["a", "b", "c", "d", "e", "f\n\"", "y"];
    let members: Vec<_> = names.iter().enumerate().map(|(at, _)| field(u8::from(at > 0))).collect();
    (members, prop::collection::vec(any::<bool>(), names.len())).prop_map(move |(members, there)| {
        let each = names.iter().zip(members).zip(there).filter(|(_, there)| *there);
        Value::Object(each.map(|((name, member), _)| ((*name).to_owned(), member)).collect())
    })
}

/// All characters of strings by number, blanks between all tokens.
fn written_oddly(value: &Value) -> String {
    let text = |text: &str| {
        let units = text.encode_utf16().map(|unit| format!("\\u{unit:04X}"));
        format!("\"{}\"", units.collect::<String>())
    };
    match value {
        Value::String(string) => text(string),
        Value::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(written_oddly).collect();
            format!("[ {} ]", elements.join("\t,\r"))
        }
        Value::Object(members) => {
            let members: Vec<_> = members.iter().map(|(k, v)| format!("{} : {}", text(k), written_oddly(v))).collect();
            format!("{{ {} }}", members.join(" , "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn valid_records_are_read_as_serde_does(records in prop::collection::vec((any_record(), any::<bool>()), 1..12)) {
        let lines = records.iter().map(|(record, odd)| {
            let line = if *odd { written_oddly(record) } else { record.to_string() };
            line + "\n"
        });
        let file: String = lines.collect();
        let schema = schema();
        let columns = DataType::Struct(schema.fields().clone());
        // JSON text of oddly written values is theirs, not serde's.
        let is_text = |row: &Value| !file.contains("\\u") || row["b"].is_string() || row["b"].is_null();
        let rows: Vec<_> = records.iter().filter_map(|(record, _)| expected(Some(record), &columns).ok()).collect();
        for strict in [false, true] {
            let found = whole(file.as_bytes(), &schema, &options(OnBad::Skip, strict));
            prop_assert_eq!(&found.error, &None);
            prop_assert_eq!(found.rows.len(), rows.len(), "{}", file);
            for (found, row) in found.rows.iter().zip(&rows) {
                if !file.contains("\\u") {
                    prop_assert_eq!(found, row);
                } else if is_text(row) {
                    prop_assert_eq!(&found["a"], &row["a"]);
                    prop_assert_eq!(&found["e"], &row["e"]);
                    prop_assert_eq!(&found["f\n\""], &row["f\n\""]);
                }
            }
            prop_assert_eq!(found.bad.total() as usize, records.len() - rows.len());
            // Nothing can be malformed: under null all records stay.
            let null = whole(file.as_bytes(), &schema, &options(OnBad::Null, strict));
            prop_assert_eq!(null.rows.len(), records.len());
        }
        let failed = whole(file.as_bytes(), &schema, &options(OnBad::Fail, false));
        prop_assert_eq!(failed.error.is_some(), rows.len() < records.len());
    }

    #[test]
    fn inference_reads_what_it_saw(records in prop::collection::vec(any_record(), 1..12)) {
        let file: String = records.iter().map(|record| format!("{record}\n")).collect();
        let sample = Sample { bytes: file.as_bytes(), complete: true, starts_record: true };
        let inferred = infer(&[sample], &JsonOptions::default()).unwrap();
        let found = whole(file.as_bytes(), &inferred.schema, &JsonOptions::default());
        prop_assert_eq!(&found.error, &None, "{} as {:?}", file, inferred.schema);
        prop_assert_eq!(found.rows.len(), records.len());
        // The same as one array.
        let array = format!("[{}]", file.trim().replace('\n', ",\n "));
        let options = JsonOptions { format: Format::Array, ..JsonOptions::default() };
        prop_assert_eq!(whole(array.as_bytes(), &inferred.schema, &options).rows, found.rows);
    }

    #[test]
    fn any_cut_of_anything_gives_the_same(
        lines in prop::collection::vec(damaged(), 0..12),
        cuts in prop::collection::btree_set(1usize..600, 0..4),
        piece in 1usize..200,
        strict in any::<bool>(),
    ) {
        let mut file = b"{}\n".to_vec();
        lines.iter().for_each(|line| file.extend(line));
        let mut edges: Vec<usize> = cuts.into_iter().filter(|cut| *cut < file.len()).collect();
        edges.insert(0, 0);
        edges.push(file.len());
        for on_bad in [OnBad::Skip, OnBad::Null] {
            let options = options(on_bad, strict);
            let expected = whole(&file, &schema(), &options);
            let parts: Vec<_> =
                edges.windows(2).map(|pair| decode(&file, (pair[0], pair[1]), piece, &schema(), &options)).collect();
            let rows: Vec<_> = parts.iter().flat_map(|part| part.rows.clone()).collect();
            prop_assert_eq!(&rows, &expected.rows);
            let bad: u64 = parts.iter().map(|part| part.bad.total()).sum();
            prop_assert_eq!(bad, expected.bad.total());
            // A line is a row or counted, or both.
            let records = file.split(|byte| *byte == b'\n').filter(|line| !line.iter().all(|b| b" \t\r".contains(b)));
            prop_assert!(rows.len() as u64 + bad >= records.count() as u64);
        }
    }

    #[test]
    fn strict_takes_what_serde_takes(line in damaged()) {
        let line: Vec<u8> = line.into_iter().filter(|byte| *byte != b'\n').collect();
        let schema = Arc::new(Schema::empty());
        let found = whole(&line, &schema, &options(OnBad::Fail, true));
        let serde = serde_json::from_slice::<serde::de::IgnoredAny>(&line).is_ok() && std::str::from_utf8(&line).is_ok();
        let is_object = line.trim_ascii().starts_with(b"{");
        let is_blank = line.iter().all(|byte| b" \t\r".contains(byte));
        let reason = found.error.map(|error| error.reason.kind());
        if reason != Some("duplicate key") {
            prop_assert_eq!(reason.is_none(), is_blank || (serde && is_object), "{}", String::from_utf8_lossy(&line));
        }
    }
}

/// Lines of records, some of whose bytes are others now.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop::sample::select(b"\"\\{}[],:0-.eE tfn\n\r\x00\xff\xed\xa0u".to_vec());
    (any_record(), prop::collection::vec((any::<prop::sample::Index>(), byte), 0..3)).prop_map(|(record, damages)| {
        let mut line = record.to_string().into_bytes();
        for (at, byte) in damages {
            let at = at.index(line.len());
            line[at] = byte;
        }
        line.push(b'\n');
        line
    })
}

/// An element that is too long is left out, wherever the pieces end in which it comes.
#[test]
fn long_elements_of_any_pieces() {
    let options = JsonOptions { format: Format::Array, max_record_bytes: 12, ..options(OnBad::Skip, false) };
    let texts = [r#""0123456789\\\",\"""#, "1234567890123", "[[1,2,3],[4,5,6]]"];
    let objects = [r#"{"b":"0123456789]"}"#, r#"{"b":["\"}","{[01"]}"#, r#"{"b":{},"c":{"\\":{}}}"#];
    for long in texts.into_iter().chain(objects) {
        let file = format!("[{{\"a\":1}},{long},{{\"a\":2}}]");
        for piece in 1..=file.len() {
            let found = decode(file.as_bytes(), (0, file.len()), piece, &schema(), &options);
            let numbers: Vec<_> = found.rows.iter().map(|row| row["a"].clone()).collect();
            assert_eq!(numbers, [json!(1), json!(2)], "{file} by {piece}");
            assert_eq!(found.bad.counts.into_iter().collect::<Vec<_>>(), [("too long", 1)], "{file} by {piece}");
        }
    }
}

/// `levels` arrays in each other.
fn tower(levels: usize) -> String {
    format!("{}7{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn deep_columns() {
    let list_of = |levels| {
        (0..levels).fold(DataType::Int64, |element, _| DataType::List(Arc::new(Field::new("item", element, true))))
    };
    let schema = |levels| Arc::new(Schema::new(vec![Field::new("a", list_of(levels), true)]));
    let file = format!("{{\"a\":{}}}\n", tower(255));
    for strict in [false, true] {
        let found = whole(file.as_bytes(), &schema(255), &options(OnBad::Fail, strict));
        let mut value = &found.rows[0]["a"];
        for _ in 0..255 {
            value = &value[0];
        }
        assert_eq!(value, &json!(7));
    }
    let deeper = whole(file.as_bytes(), &schema(256), &options(OnBad::Skip, false));
    assert_eq!(deeper.error.unwrap().reason.kind(), "too deep");
}

#[test]
fn deep_records() {
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8View, true)]));
    for levels in [1000, 1023, 1024, 100_000] {
        let file = format!("{{\"b\":{tower},\"a\":{tower}}}\n", tower = tower(levels));
        let lazy = whole(file.as_bytes(), &schema, &options(OnBad::Fail, false));
        assert_eq!(lazy.rows, [json!({ "a": tower(levels) })]);
        let strict = whole(file.as_bytes(), &schema, &options(OnBad::Fail, true));
        let kind = strict.error.map(|error| error.reason.kind());
        assert_eq!(kind, (levels > 1023).then_some("too deep"), "{levels}");
    }
}
