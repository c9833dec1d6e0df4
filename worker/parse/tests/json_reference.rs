//! The decoder against a slow reader that is obviously right: serde_json, and a few lines about columns.
#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]
#![allow(clippy::wildcard_enum_match_arm, reason = "types and values that these tests do not make, or treat alike")]

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type, Schema, SchemaRef};
use bobbin_parse::json::{Format, JsonDecoder, JsonOptions, Sample, infer};
use bobbin_parse::{BadRecords, Decoder, OnBad, RecordError, SplitRange, Wanted};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// What the decoder made of a file.
#[derive(Debug, PartialEq)]
struct Found {
    rows: Vec<Value>,
    bad: BadRecords,
    error: Option<RecordError>,
}

fn options(on_bad: OnBad, strict: bool) -> JsonOptions {
    JsonOptions { on_bad, strict, ..JsonOptions::default() }
}

/// Decodes `[start, end)` from pieces of at most `piece` bytes.
fn decode(file: &[u8], (start, end): (usize, usize), piece: usize, schema: &SchemaRef, options: &JsonOptions) -> Found {
    let split = SplitRange { start: start as u64, end: end as u64, file_len: file.len() as u64 };
    let all: Vec<usize> = (0..schema.fields().len()).collect();
    let mut decoder = JsonDecoder::new(Arc::new(options.clone()), Wanted::rows(Arc::clone(schema), &all, 7), split);
    let (mut batches, mut error) = (Vec::new(), None);
    while let Some(range) = decoder.wants() {
        let bytes = &file[range.start as usize..range.end as usize];
        error = decoder.feed(range.start, &bytes[..bytes.len().min(piece)]).err();
        batches.extend(std::iter::from_fn(|| decoder.next_batch()));
    }
    let batch = concat_batches(schema, &batches).unwrap();
    Found { rows: values(&batch), bad: decoder.bad_records().clone(), error }
}

fn whole(file: &[u8], schema: &SchemaRef, options: &JsonOptions) -> Found {
    decode(file, (0, file.len()), usize::MAX, schema, options)
}

/// The rows of a batch as objects.
fn values(batch: &RecordBatch) -> Vec<Value> {
    let schema = batch.schema();
    let row = |row| {
        let members = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .map(|(field, column)| (field.name().clone(), value(column, row)));
        Value::Object(members.collect::<Map<_, _>>())
    };
    (0..batch.num_rows()).map(row).collect()
}

fn value(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Int64 => json!(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => json!(array.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => json!(array.as_boolean().value(row)),
        DataType::Utf8View => json!(array.as_string_view().value(row)),
        DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
        DataType::List(_) => {
            let list = array.as_list::<i32>().value(row);
            (0..list.len()).map(|row| value(&list, row)).collect()
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter();
            Value::Object(
                fields.iter().zip(columns).map(|(field, column)| (field.name().clone(), value(column, row))).collect(),
            )
        }
        DataType::Map(_, _) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let entry = |row| (keys.as_string::<i32>().value(row).to_owned(), value(values, row));
            Value::Object((0..entries.len()).map(entry).collect())
        }
        other => panic!("{other}"),
    }
}

/// What `found` is in a column of `data_type`; `Err`: not a value of it.
fn expected(found: Option<&Value>, data_type: &DataType) -> Result<Value, ()> {
    let found = found.unwrap_or(&Value::Null);
    match (data_type, found) {
        (_, Value::Null) => Ok(Value::Null),
        (DataType::Int64, Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(json!(whole)),
            (None, Some(float)) if float.fract() == 0.0 && float.abs() < 1e15 => Ok(json!(float as i64)),
            _ => Err(()),
        },
        (DataType::Float64, Value::Number(number)) => Ok(json!(number.as_f64().unwrap())),
        (DataType::Boolean, Value::Bool(_)) | (DataType::Utf8View, Value::String(_)) => Ok(found.clone()),
        (DataType::Utf8View, other) => Ok(json!(other.to_string())),
        (DataType::List(field), Value::Array(elements)) => {
            elements.iter().map(|element| expected(Some(element), field.data_type())).collect()
        }
        (DataType::Struct(fields), Value::Object(members)) => {
            let each = fields
                .iter()
                .map(|field| Ok((field.name().clone(), expected(members.get(field.name()), field.data_type())?)));
            Ok(Value::Object(each.collect::<Result<_, _>>()?))
        }
        (DataType::Map(entries, _), Value::Object(members)) => {
            let DataType::Struct(entries) = entries.data_type() else { panic!("{entries}") };
            let each =
                members.iter().map(|(key, member)| Ok((key.clone(), expected(Some(member), entries[1].data_type())?)));
            Ok(Value::Object(each.collect::<Result<_, _>>()?))
        }
        _ => Err(()),
    }
}

/// The schema that random records are read with: fewer keys than they have.
fn schema() -> SchemaRef {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    let inner = Fields::from(vec![field("b", DataType::Utf8View), field("a", DataType::Int64)]);
    let list = DataType::List(Arc::new(field("item", DataType::Struct(inner.clone()))));
    let entries = Fields::from(vec![Field::new("keys", DataType::Utf8, false), field("values", DataType::Float64)]);
    let map = DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false);
    Arc::new(Schema::new(vec![
        field("a", DataType::Int64),
        field("c", DataType::Struct(inner)),
        field("d", list),
        field("e", map),
        field("f\n\"", DataType::Boolean),
        field("b", DataType::Utf8View),
    ]))
}

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
        other => other.to_string(),
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
