//! A reader of JSON that is slow and plainly right: serde_json, and a few lines about columns.
#![allow(dead_code, reason = "each test uses a part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]
#![allow(clippy::wildcard_enum_match_arm, reason = "types and values that these tests do not make, or treat alike")]

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type, Schema, SchemaRef};
use bobbin_parse::json::{JsonDecoder, JsonOptions};
use bobbin_parse::{BadRecords, Decoder, OnBad, RecordError, SplitRange, Wanted};
use serde_json::{Map, Value, json};

/// What the decoder made of a file.
#[derive(Debug, PartialEq)]
pub struct Found {
    pub rows: Vec<Value>,
    pub bad: BadRecords,
    pub error: Option<RecordError>,
}

/// Lines, of which bad ones are treated so.
pub fn options(on_bad: OnBad, strict: bool) -> JsonOptions {
    JsonOptions { on_bad, strict, ..JsonOptions::default() }
}

/// Decodes `[start, end)` from pieces of at most `piece` bytes.
pub fn decode(
    file: &[u8],
    (start, end): (usize, usize),
    piece: usize,
    schema: &SchemaRef,
    options: &JsonOptions,
) -> Found {
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

/// Decodes all of `file`.
pub fn whole(file: &[u8], schema: &SchemaRef, options: &JsonOptions) -> Found {
    decode(file, (0, file.len()), usize::MAX, schema, options)
}

/// The rows of a batch as objects.
pub fn values(batch: &RecordBatch) -> Vec<Value> {
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
pub fn expected(found: Option<&Value>, data_type: &DataType) -> Result<Value, ()> {
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
pub fn schema() -> SchemaRef {
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
