//! Learns the columns of a table from the first bytes of its files: names from the first, types from all that know them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use bobbin_blocks::{BlockReader, FileRef, ReadCounters, ReadError};
use bobbin_parse::csv::{CsvOptions, InferError, Inferred, infer};
use futures::{StreamExt, TryStreamExt, stream};

use crate::declared_types;
use crate::error::PlanError;

/// Bytes of the first file that are looked at first.
const SAMPLE_BYTES: usize = 1 << 20;
/// Bytes of every other file that are looked at first.
const HEAD_BYTES: usize = 64 << 10;
/// A look that shows no record is repeated on so many times the bytes.
const GROWTH: usize = 4;
/// Files whose heads are read at the same time.
const HEADS_AT_ONCE: usize = 16;

/// What the files of a table say about its columns.
#[derive(Debug)]
pub(crate) struct Columns {
    /// The files that hold more than empty lines.
    pub files: Vec<FileRef>,
    /// Names and types; a field of a file can always be empty.
    pub schema: SchemaRef,
    /// Columns of which no file that was looked at has a value.
    pub unknown: Vec<usize>,
    /// Bytes of an average record, for estimates.
    pub record_bytes: u64,
}

/// The head of a file, and what it says.
struct Head {
    file: FileRef,
    inferred: Inferred,
    bytes: usize,
}

/// Looks at the head of every file. All have to have the columns of the first, in the same order.
pub(crate) async fn learn(
    reader: &BlockReader,
    table: &str,
    files: Vec<FileRef>,
    options: &CsvOptions,
) -> Result<Columns, PlanError> {
    let looks = files.into_iter().enumerate().map(|(number, file)| async move {
        let first_look = if number == 0 { SAMPLE_BYTES } else { HEAD_BYTES };
        look(reader, table, file, first_look, options).await
    });
    let heads: Vec<Option<Head>> = stream::iter(looks).buffered(HEADS_AT_ONCE).try_collect().await?;
    joined(table, &heads.into_iter().flatten().collect::<Vec<_>>())
}

/// The head of a file with at least one record, if it has any; `None` if it holds nothing but empty lines.
async fn look(
    reader: &BlockReader,
    table: &str,
    file: FileRef,
    first_look: usize,
    options: &CsvOptions,
) -> Result<Option<Head>, PlanError> {
    // A header and a record of the greatest length.
    let most = options.max_record_bytes.saturating_mul(2);
    let mut limit = first_look;
    loop {
        let sample =
            head(reader, &file, limit).await.map_err(|source| PlanError::Read { table: table.to_owned(), source })?;
        let complete = sample.len() as u64 == file.len;
        let is_last = complete || limit >= most;
        match infer(&sample, complete, options) {
            Err(InferError::Empty) if complete => return Ok(None),
            Err(InferError::Empty | InferError::NoRecord(_)) if !is_last => {}
            Ok(inferred) if inferred.sampled_records == 0 && !is_last => {}
            Ok(inferred) => return Ok(Some(Head { file, inferred, bytes: sample.len() })),
            Err(source) => return Err(PlanError::Infer { file: file.url, source }),
        }
        limit = limit.saturating_mul(GROWTH);
    }
}

/// The first bytes of a file, at most `limit`.
async fn head(reader: &BlockReader, file: &FileRef, limit: usize) -> Result<Vec<u8>, ReadError> {
    let mut open = reader.open(file, Arc::new(ReadCounters::default())).await?;
    let wanted = usize::try_from(file.len).map_or(limit, |len| len.min(limit));
    let mut sample = Vec::with_capacity(wanted);
    while sample.len() < wanted {
        let window = open.window(sample.len() as u64, wanted - sample.len()).await?;
        if window.is_empty() {
            break;
        }
        sample.extend_from_slice(&window);
    }
    Ok(sample)
}

/// The columns that all heads have.
fn joined(table: &str, heads: &[Head]) -> Result<Columns, PlanError> {
    let Some(first) = heads.first() else {
        return Err(PlanError::Table(format!(
            "table '{table}' is empty: its files hold no bytes, or empty lines only; check what wrote them"
        )));
    };
    for head in &heads[1..] {
        compare(head, first)?;
    }
    for warning in &first.inferred.warnings {
        tracing::warn!(file = %first.file.url, "{warning}");
    }
    let mut unknown = Vec::new();
    let mut fields: Vec<FieldRef> = Vec::new();
    for (at, field) in first.inferred.schema.fields().iter().enumerate() {
        let data_type = data_type(heads, at);
        if data_type.is_none() {
            unknown.push(at);
        }
        fields.push(Arc::new(Field::new(field.name(), data_type.unwrap_or(DataType::Utf8View), true)));
    }
    let sampled = heads.iter().find(|head| head.inferred.sampled_records > 0).unwrap_or(first);
    let record_bytes = sampled.bytes / sampled.inferred.sampled_records.max(1);
    Ok(Columns {
        files: heads.iter().map(|head| head.file.clone()).collect(),
        schema: Arc::new(Schema::new(fields)),
        unknown,
        record_bytes: record_bytes.max(1) as u64,
    })
}

/// The narrowest type that holds the values of one column in all heads that have any.
fn data_type(heads: &[Head], at: usize) -> Option<DataType> {
    let mut found: Option<(DataType, &Head)> = None;
    for head in heads.iter().filter(|head| !head.inferred.unknown.contains(&at)) {
        let here = head.inferred.schema.field(at).data_type();
        let Some((so_far, from)) = &found else {
            found = Some((here.clone(), head));
            continue;
        };
        let both = widened(so_far, here);
        if both == DataType::Utf8View && so_far != &DataType::Utf8View {
            let name = head.inferred.schema.field(at).name();
            let (one, two) = (declared_types::sql_name(so_far), declared_types::sql_name(here));
            tracing::warn!(
                "column {name} is {one} in {} and {two} in {}: it is read as VARCHAR; declare its type with \
                 read_csv('path', types => '{name} {one}')",
                from.file.url,
                head.file.url
            );
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
        format!("{here} columns, and {} has {there}", first.file.url)
    } else {
        let at = (0..here).find(|&at| header[at] != expected[at]).unwrap_or(0);
        let (name, expected) = (&header[at], &expected[at]);
        format!("'{name}' as column {}, and {} has '{expected}' there", at + 1, first.file.url)
    };
    Err(PlanError::Table(format!("files of one table differ: {} has {difference}; {way_out}", other.file.url)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined_from(texts: &[&str], header: bool) -> Result<Columns, String> {
        let options = CsvOptions { header, ..CsvOptions::default() };
        let head = |(text, url): (&&str, char)| Head {
            file: FileRef { url: url.into(), len: text.len() as u64, modified_ms: 0 },
            inferred: infer(text.as_bytes(), true, &options).unwrap(),
            bytes: text.len(),
        };
        let heads: Vec<Head> = texts.iter().zip('a'..).map(head).collect();
        joined("t", &heads).map_err(|error| error.to_string())
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
