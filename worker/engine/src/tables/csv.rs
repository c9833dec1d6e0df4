//! Learns the columns of a table from the first bytes of its files: names from the first, types from all that know them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use bobbin_blocks::{BlockReader, FileRef};
use bobbin_parse::csv::{CsvOptions, InferError, Inferred, infer};
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::PlanError;
use crate::tables::declared::sql_name;
use crate::tables::inference::{Learned, rule, warn_of_conflict};
use crate::tables::options::Reading;
use crate::tables::sample;

/// Bytes of the first file that are looked at first.
const SAMPLE_BYTES: usize = 1 << 20;
/// Bytes of every other file that are looked at first.
const HEAD_BYTES: usize = 64 << 10;
/// A look that shows no record is repeated on so many times the bytes.
const GROWTH: usize = 4;
/// Files whose heads are read at the same time.
const HEADS_AT_ONCE: usize = 16;

/// What a sample of a file says.
struct Head {
    /// Number of the file.
    number: usize,
    url: String,
    inferred: Inferred,
    bytes: usize,
    /// Some field may be in quotes, so that a line further on may be part of a text.
    has_quotes: bool,
    /// It is from further on, and may lie in a text: it can widen a type, and not make it text.
    is_inner: bool,
}

/// Looks at the head of every file, and into the first. All have to have the columns of the first, in the same order,
/// unless they are matched by name.
pub(crate) async fn learn(
    reader: &BlockReader,
    table: &str,
    files: &[FileRef],
    reading: &Reading,
) -> Result<Learned, PlanError> {
    let looks = files.iter().cloned().enumerate().map(|(number, file)| async move {
        let first_look = if number == 0 { SAMPLE_BYTES } else { HEAD_BYTES };
        let first_look = reading.table.sample_bytes.map_or(first_look, |bytes| bytes as usize);
        look(reader, table, (number, &file), (first_look, reading)).await
    });
    let heads: Vec<Option<Head>> = stream::iter(looks).buffered(HEADS_AT_ONCE).try_collect().await?;
    let heads: Vec<Head> = heads.into_iter().flatten().collect();
    let inner = match heads.first() {
        Some(head) if !head.has_quotes => inner(reader, table, (head, &files[head.number]), reading).await?,
        Some(_) | None => Vec::new(),
    };
    joined(table, &heads, &inner, reading.table.union_by_name)
}

/// The head of a file with at least one record, if it has any; `None` if it holds nothing but empty lines.
async fn look(
    reader: &BlockReader,
    table: &str,
    (number, file): (usize, &FileRef),
    (first_look, reading): (usize, &Reading),
) -> Result<Option<Head>, PlanError> {
    // A header and a record of the greatest length.
    let most = reading.csv.max_record_bytes.saturating_mul(2);
    let mut limit = first_look;
    loop {
        let sample = sample::head(reader, table, file, (reading, limit)).await?;
        let is_last = sample.complete || limit >= most;
        match infer(&sample.bytes, sample.complete, &reading.csv) {
            Err(InferError::Empty) if sample.complete => return Ok(None),
            Err(InferError::Empty | InferError::NoRecord(_)) if !is_last => {}
            Ok(inferred) if inferred.sampled_records == 0 && !is_last => {}
            Ok(inferred) => {
                let (url, bytes) = (file.url.clone(), sample.bytes.len());
                let has_quotes = reading.csv.quote.is_some_and(|quote| sample.bytes.contains(&quote));
                return Ok(Some(Head { number, url, inferred, bytes, has_quotes, is_inner: false }));
            }
            Err(source) => return Err(PlanError::Infer { file: file.url.clone(), source: Box::new(source) }),
        }
        limit = limit.saturating_mul(GROWTH);
    }
}

/// What samples from inside the first file say, as far as they can be read. Only where no quote was seen: a sample may
/// lie in a long text.
async fn inner(
    reader: &BlockReader,
    table: &str,
    (head, file): (&Head, &FileRef),
    reading: &Reading,
) -> Result<Vec<Head>, PlanError> {
    let options = CsvOptions { header: false, names: None, skip_rows: 0, ..reading.csv.as_ref().clone() };
    let columns = head.inferred.schema.fields().len();
    let mut heads = Vec::new();
    for bytes in sample::inner(reader, table, file, reading).await? {
        let start = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
        let Ok(inferred) = infer(&bytes[start..], false, &options) else { continue };
        if inferred.schema.fields().len() == columns {
            let (number, url) = (head.number, file.url.clone());
            heads.push(Head { number, url, inferred, bytes: bytes.len(), has_quotes: false, is_inner: true });
        }
    }
    Ok(heads)
}

/// The columns that all heads have, or that any has where they are matched by name. `inner` are samples of the first file.
fn joined(table: &str, heads: &[Head], inner: &[Head], by_name: bool) -> Result<Learned, PlanError> {
    let Some(first) = heads.first() else {
        return Err(PlanError::Table(format!(
            "table '{table}' is empty: its files hold no bytes, or empty lines only; check what wrote them"
        )));
    };
    for warning in &first.inferred.warnings {
        tracing::warn!(file = %first.url, "{warning}");
    }
    let names = if by_name { all_names(heads) } else { names_of(first) };
    if !by_name {
        for head in &heads[1..] {
            compare(head, first)?;
        }
    }
    let layouts: Vec<Vec<usize>> = heads.iter().map(|head| layout(head, &names, by_name)).collect();
    let seen = || {
        let of_first = inner.iter().map(|head| (head, layouts[0].as_slice()));
        heads.iter().zip(layouts.iter().map(Vec::as_slice)).chain(of_first)
    };
    let records = seen().map(|(head, _)| head.inferred.sampled_records).sum();
    let bytes = seen().map(|(head, _)| head.bytes as u64).sum();
    let (mut unknown, mut fields, mut origins): (Vec<usize>, Vec<FieldRef>, Vec<String>) = Default::default();
    for (at, name) in names.iter().enumerate() {
        let columns = seen().filter_map(|(head, layout)| Some((head, position(layout, at)?)));
        let data_type = data_type(name, columns);
        origins.push(match &data_type {
            Some(data_type) => rule(data_type, records, bytes, heads.len()),
            None => "no value was seen".to_owned(),
        });
        if data_type.is_none() {
            unknown.push(at);
        }
        fields.push(Arc::new(Field::new(name, data_type.unwrap_or(DataType::Utf8View), true)));
    }
    let sampled = heads.iter().find(|head| head.inferred.sampled_records > 0).unwrap_or(first);
    let record_bytes = (sampled.bytes / sampled.inferred.sampled_records.max(1)).max(1) as u64;
    let files = heads.iter().zip(layouts).map(|(head, layout)| (head.number, layout)).collect();
    Ok(Learned { schema: Arc::new(Schema::new(fields)), origins, unknown, record_bytes, files })
}

fn names_of(head: &Head) -> Vec<String> {
    head.inferred.schema.fields().iter().map(|field| field.name().clone()).collect()
}

/// The names that any file has, in the order in which they are met.
fn all_names(heads: &[Head]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in heads.iter().flat_map(names_of) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Which of the table's columns each of a file's is; none if they are the same.
fn layout(head: &Head, names: &[String], by_name: bool) -> Vec<usize> {
    let own = names_of(head);
    if !by_name || own == names {
        return Vec::new();
    }
    own.iter().filter_map(|name| names.iter().position(|known| known == name)).collect()
}

/// Where a file with this layout has a column of the table.
fn position(layout: &[usize], column: usize) -> Option<usize> {
    if layout.is_empty() { Some(column) } else { layout.iter().position(|&of_table| of_table == column) }
}

/// The narrowest type that holds the values of one column in all samples that have any.
fn data_type<'a>(name: &str, columns: impl Iterator<Item = (&'a Head, usize)>) -> Option<DataType> {
    let mut found: Option<(DataType, &Head)> = None;
    for (head, at) in columns.filter(|(head, at)| !head.inferred.unknown.contains(at)) {
        let here = head.inferred.schema.field(at).data_type();
        let Some((so_far, from)) = &found else {
            found = Some((here.clone(), head));
            continue;
        };
        let both = widened(so_far, here);
        if both == DataType::Utf8View && so_far != &DataType::Utf8View {
            if head.is_inner {
                continue;
            }
            warn_of_conflict(name, (&from.url, sql_name(so_far)), (&head.url, sql_name(here)));
        }
        found = Some((both, head));
    }
    found.map(|(data_type, _)| data_type)
}

/// The narrowest type that holds the values of both.
fn widened(one: &DataType, two: &DataType) -> DataType {
    match (one, two) {
        _ if one == two => one.clone(),
        (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => DataType::Float64,
        (DataType::Date32, DataType::Timestamp(..)) => two.clone(),
        (DataType::Timestamp(..), DataType::Date32) => one.clone(),
        _ => DataType::Utf8View,
    }
}

/// Compares the columns of a file with those of the first file.
fn compare(other: &Head, first: &Head) -> Result<(), PlanError> {
    let (header, expected) = (&other.inferred.header, &first.inferred.header);
    if header == expected {
        return Ok(());
    }
    let way_out = "read them as two tables, or correct the files";
    let (here, there) = (header.len(), expected.len());
    let difference = if here != there {
        format!("{here} columns, and {} has {there}", first.url)
    } else {
        let at = (0..here).find(|&at| header[at] != expected[at]).unwrap_or(0);
        let (name, expected) = (&header[at], &expected[at]);
        format!("'{name}' as column {}, and {} has '{expected}' there", at + 1, first.url)
    };
    Err(PlanError::Table(format!("files of one table differ: {} has {difference}; {way_out}", other.url)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined_from(texts: &[&str], header: bool) -> Result<Learned, String> {
        let options = CsvOptions { header, ..CsvOptions::default() };
        let head = |(text, url): (&&str, char)| Head {
            number: 0,
            url: url.into(),
            inferred: infer(text.as_bytes(), true, &options).unwrap(),
            bytes: text.len(),
            has_quotes: false,
            is_inner: false,
        };
        let heads: Vec<Head> = texts.iter().zip('a'..).map(head).collect();
        joined("t", &heads, &[], false).map_err(|error| error.to_string())
    }

    #[test]
    fn files_of_one_table_have_one_header() {
        assert!(joined_from(&["x,y\n1,2\n", "x,y\n3,4\n"], true).is_ok());
        assert!(joined_from(&["1,2\n", "3,4\n"], false).is_ok());
        let renamed = joined_from(&["x,y\n1,2\n", "x,z\n3,4\n"], true).unwrap_err();
        assert!(renamed.contains("b has 'z' as column 2, and a has 'y'"), "{renamed}");
        let shorter = joined_from(&["x,y\n1,2\n", "x\n3\n"], true).unwrap_err();
        assert!(shorter.contains("b has 1 columns, and a has 2"), "{shorter}");
    }

    fn check(texts: &[&str], expected: DataType, unknown: bool) {
        let columns = joined_from(texts, false).unwrap();
        assert_eq!(columns.schema.field(0).data_type(), &expected, "{texts:?}");
        assert_eq!(!columns.unknown.is_empty(), unknown, "{texts:?}");
    }

    #[test]
    fn types_hold_the_values_of_all_files() {
        let timestamp = DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None);
        check(&["1\n", "2\n"], DataType::Int64, false);
        check(&["1\n", "2.5\n", "3\n"], DataType::Float64, false);
        check(&["2015-01-01\n", "2015-01-01 12:00:00\n"], timestamp, false);
        check(&["1\n", "x\n"], DataType::Utf8View, false);
        check(&["2015-01-01\n", "1\n"], DataType::Utf8View, false);
        check(&["\"\"\n", "1\n"], DataType::Int64, false);
        check(&["1\n", "\"\"\n"], DataType::Int64, false);
        check(&["\"\"\n", "\"\"\n"], DataType::Utf8View, true);
    }
}
