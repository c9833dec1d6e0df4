//! A table as the driver sees it before planning: its files, its columns, how its records are written.

use std::sync::Arc;

use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use bobbin_blocks::{BlockReader, FileRef, ReadCounters, ReadError};
use bobbin_parse::{CsvOptions, Inferred, infer};
use futures::{StreamExt, TryStreamExt, stream};

use crate::declared_types;
use crate::error::PlanError;
use crate::graph::Places;
use crate::planner::PathBase;
use crate::read_csv::CsvSource;
use crate::source::scheme;

/// Bytes of the first file from which names and types are learned.
const SAMPLE_BYTES: usize = 1 << 20;
/// Bytes of every other file that are looked at for its header.
const HEAD_BYTES: usize = 64 << 10;
/// Files whose heads are read at the same time.
const HEADS_AT_ONCE: usize = 16;
/// Files whose blocks are looked up at the same time.
const LOOKUPS_AT_ONCE: usize = 16;

/// Files that have the same columns.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// As the query writes it.
    pub name: String,
    /// The files that hold bytes, in path order.
    pub files: Vec<FileRef>,
    /// Where the blocks of each file are, by URL.
    pub places: Arc<Places>,
    /// All columns of the files.
    pub schema: SchemaRef,
    /// How records are written.
    pub options: Arc<CsvOptions>,
    /// Bytes of an average record, for estimates.
    pub record_bytes: u64,
}

impl Table {
    /// Lists the files, finds their blocks, and learns their columns.
    pub async fn find(
        reader: &BlockReader,
        name: &str,
        source: &CsvSource,
        base: &PathBase,
    ) -> Result<Self, PlanError> {
        let path = absolute(&source.path, base);
        let listed = reader.list(&path).await.map_err(|source| PlanError::List { table: name.to_owned(), source })?;
        // Also of files without bytes: one that is being written shows none before its first block is full.
        let places = Arc::new(places(reader, name, &listed).await?);
        let files: Vec<FileRef> = listed.into_iter().filter(|file| file.len > 0).collect();
        let Some(first) = files.first() else {
            return Err(PlanError::Table(format!(
                "table '{name}' is empty: its files hold no bytes; check what wrote them"
            )));
        };
        let (inferred, record_bytes) = learn(reader, name, first, &source.options).await?;
        check_heads(reader, name, source, &files, &inferred).await?;
        for warning in &inferred.warnings {
            tracing::warn!(file = %first.url, "{warning}");
        }
        let schema = match &source.types {
            Some(types) => declared_types::apply(&inferred.schema, types)?,
            None => nullable(&inferred.schema),
        };
        Ok(Self {
            name: name.to_owned(),
            files,
            places,
            schema,
            options: Arc::new(source.options.clone()),
            record_bytes,
        })
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.len).sum()
    }
}

/// Where the blocks of each file are. A file that cannot be read is an error before anything else is known of it.
async fn places(reader: &BlockReader, table: &str, files: &[FileRef]) -> Result<Places, PlanError> {
    let lookups = files.iter().map(|file| async move {
        let places = reader.locations(file).await;
        let places = places.map_err(|source| PlanError::Locate { table: table.to_owned(), source })?;
        Ok::<_, PlanError>((file.url.clone(), places))
    });
    stream::iter(lookups).buffered(LOOKUPS_AT_ONCE).try_collect().await
}

/// A path as the reader understands it.
fn absolute(path: &str, base: &PathBase) -> String {
    let PathBase::DefaultFs(home) = base else {
        return path.to_owned();
    };
    if scheme(path).is_some() {
        return path.to_owned();
    }
    let home = home.trim_end_matches('/');
    if !path.starts_with('/') {
        return format!("{home}/{path}");
    }
    let authority_end =
        home.find("://").map_or(0, |at| home[at + 3..].find('/').map_or(home.len(), |end| at + 3 + end));
    format!("{}{path}", &home[..authority_end])
}

/// Names and types of the first file's columns, and the length of its average record.
async fn learn(
    reader: &BlockReader,
    table: &str,
    file: &FileRef,
    options: &CsvOptions,
) -> Result<(Inferred, u64), PlanError> {
    let sample =
        head(reader, file, SAMPLE_BYTES).await.map_err(|source| PlanError::Read { table: table.to_owned(), source })?;
    let complete = sample.len() as u64 == file.len;
    let inferred =
        infer(&sample, complete, options).map_err(|source| PlanError::Infer { file: file.url.clone(), source })?;
    let record_bytes = sample.len() as u64 / (inferred.sampled_records.max(1) as u64);
    Ok((inferred, record_bytes.max(1)))
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

/// Every other file has to have the columns of the first, in the same order.
async fn check_heads(
    reader: &BlockReader,
    table: &str,
    source: &CsvSource,
    files: &[FileRef],
    first: &Inferred,
) -> Result<(), PlanError> {
    let heads = files[1..].iter().map(|file| async move {
        let sample = head(reader, file, HEAD_BYTES)
            .await
            .map_err(|source| PlanError::Read { table: table.to_owned(), source })?;
        compare(&sample, file, &files[0], first, &source.options)
    });
    stream::iter(heads).buffered(HEADS_AT_ONCE).try_collect().await
}

/// Compares the columns of a file's first bytes with those of the first file.
fn compare(
    sample: &[u8],
    file: &FileRef,
    first_file: &FileRef,
    first: &Inferred,
    options: &CsvOptions,
) -> Result<(), PlanError> {
    let complete = sample.len() as u64 == file.len;
    let other =
        infer(sample, complete, options).map_err(|source| PlanError::Infer { file: file.url.clone(), source })?;
    if other.header == first.header {
        return Ok(());
    }
    let way_out = "read them as two tables, or correct the files";
    let (here, there) = (other.header.len(), first.header.len());
    let difference = if here != there {
        format!("{here} columns, and {} has {there}", first_file.url)
    } else {
        let at = (0..here).find(|&at| other.header[at] != first.header[at]).unwrap_or(0);
        let (name, expected) = (&other.header[at], &first.header[at]);
        format!("'{name}' as column {}, and {} has '{expected}' there", at + 1, first_file.url)
    };
    Err(PlanError::Table(format!("files of one table differ: {} has {difference}; {way_out}", file.url)))
}

/// The schema as queries see it: a field of a file can always be empty.
fn nullable(schema: &SchemaRef) -> SchemaRef {
    let fields: Vec<FieldRef> = schema
        .fields()
        .iter()
        .map(|field| Arc::new(Field::new(field.name(), field.data_type().clone(), true)))
        .collect();
    Arc::new(Schema::new(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_plain_paths_to_the_default_file_system() {
        let home = PathBase::DefaultFs("hdfs://nn:8020/user/alice".into());
        assert_eq!(absolute("t.csv", &home), "hdfs://nn:8020/user/alice/t.csv");
        assert_eq!(absolute("/data/*.csv", &home), "hdfs://nn:8020/data/*.csv");
        assert_eq!(absolute("file:///t.csv", &home), "file:///t.csv");
        assert_eq!(absolute("t.csv", &PathBase::Local), "t.csv");
        assert_eq!(absolute("/t.csv", &PathBase::DefaultFs("hdfs://nn".into())), "hdfs://nn/t.csv");
    }

    fn compared(first: &str, other: &str, header: bool) -> Result<(), String> {
        let options = CsvOptions { header, ..CsvOptions::default() };
        let first_inferred = infer(first.as_bytes(), true, &options).unwrap();
        let file = |url: &str, text: &str| FileRef { url: url.into(), len: text.len() as u64, modified_ms: 0 };
        compare(other.as_bytes(), &file("b", other), &file("a", first), &first_inferred, &options)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn files_of_one_table_have_one_header() {
        assert_eq!(compared("x,y\n1,2\n", "x,y\n3,4\n", true), Ok(()));
        assert_eq!(compared("1,2\n", "3,4\n", false), Ok(()));
        let renamed = compared("x,y\n1,2\n", "x,z\n3,4\n", true).unwrap_err();
        assert!(renamed.contains("b has 'z' as column 2, and a has 'y'"), "{renamed}");
        let shorter = compared("x,y\n1,2\n", "x\n3\n", true).unwrap_err();
        assert!(shorter.contains("b has 1 columns, and a has 2"), "{shorter}");
    }
}
