//! A table as the driver sees it before planning: its files, its columns, how its records are written.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use bobbin_blocks::{BlockReader, FileRef, PathBase, TableFile};
use bobbin_parse::Yield;
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::PlanError;
use crate::graph::Places;
use crate::scan::{ExtraColumn, ExtraKind, FileFacts, TableColumns};
use crate::tables::frames::frames;
use crate::tables::inference::{self, Learned};
use crate::tables::options::Reading;
use crate::tables::partitions;
use crate::tables::source::Source;

/// Files whose blocks or frames are looked up at the same time.
const LOOKUPS_AT_ONCE: usize = 16;

/// Files that have the same columns.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// As the query writes it.
    pub name: String,
    /// The files that hold more than empty lines, in path order, and what is known of each.
    pub files: Vec<(FileRef, Arc<FileFacts>)>,
    /// Where the blocks of each file are, by URL.
    pub places: Arc<Places>,
    /// All columns.
    pub columns: TableColumns,
    /// The columns' types by name, and what each rests on.
    pub origins: Vec<String>,
    /// Columns of files whose type nobody knows: no file that was looked at has a value, and none was declared.
    pub unknown: Vec<usize>,
    /// How records are read.
    pub reading: Arc<Reading>,
    /// Bytes of an average record, for estimates.
    pub record_bytes: u64,
}

/// What tables are found with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finder<'a> {
    /// Looks at files.
    pub reader: &'a BlockReader,
    /// What a path without a scheme means.
    pub base: &'a PathBase,
    /// Bytes of the smallest splits.
    pub split_size: u64,
}

impl Finder<'_> {
    /// Lists the files of a table, finds their blocks, and learns their columns.
    pub async fn find(&self, name: &str, source: &Source) -> Result<Table, PlanError> {
        let reader = self.reader;
        let listed = list(reader, name, source, self.base).await?;
        // Also of files without bytes: one that is being written shows none before its first block is full.
        let places = Arc::new(places(reader, name, &listed).await?);
        let files: Vec<(FileRef, partitions::Values)> = listed.into_iter().filter(|(file, _)| file.len > 0).collect();
        let (files, values): (Vec<FileRef>, Vec<partitions::Values>) = files.into_iter().unzip();
        let refuse = |reason: String| PlanError::Statement(format!("read table '{name}': {reason}"));
        let reading = source.reading_of(files.iter().map(|file| file.url.as_str()));
        let reading = reading.map_err(|error| refuse(error.to_string()))?;
        let partitions = partitions::columns(name, &files, &values, &reading)?;
        let learned = inference::learn(reader, name, &files, &reading).await?;
        let Learned { schema, origins, unknown, record_bytes, files: kept } = learned;
        let facts = |(at, columns): (usize, Vec<usize>)| {
            let (file, values) = (files[at].clone(), partitions.values_of(&values[at]));
            let compression = reading.compression(&file.url);
            let split_size = if reading.is_splittable() { self.split_size } else { u64::MAX };
            async move {
                let frames = frames(reader, &file, compression, split_size).await;
                let frames = frames.map_err(|source| PlanError::unpack(name, source))?;
                Ok::<_, PlanError>((file, Arc::new(FileFacts { compression, values, columns, frames })))
            }
        };
        let lookups: Vec<_> = kept.into_iter().map(facts).collect();
        let files: Vec<_> = stream::iter(lookups).buffered(LOOKUPS_AT_ONCE).try_collect().await?;
        reading.check_columns(&schema).map_err(|error| refuse(error.to_string()))?;
        check_depth(name, &schema)?;
        let columns = columns(name, source, schema, partitions)?;
        let reading = Arc::clone(&reading);
        Ok(Table { name: name.to_owned(), files, places, columns, origins, unknown, reading, record_bytes })
    }
}

impl Table {
    /// All columns.
    pub fn schema(&self) -> SchemaRef {
        self.columns.schema()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|(file, _)| file.len).sum()
    }
}

/// Deepest nesting of a column's type that workers can be told: messages are nested three times as deep, and decoders of
/// them stop at 100.
const DEEPEST: usize = 28;

/// Refuses types that are nested too deep.
fn check_depth(table: &str, schema: &SchemaRef) -> Result<(), PlanError> {
    match schema.fields().iter().find(|field| depth(field.data_type()) > DEEPEST) {
        Some(field) => Err(PlanError::Table(format!(
            "table '{table}': the type of column {} is nested more than {DEEPEST} deep; declare what is below as VARCHAR, \
             which is its JSON text",
            field.name()
        ))),
        None => Ok(()),
    }
}

/// Levels of a type.
#[expect(clippy::wildcard_enum_match_arm, reason = "types without members, now and in later versions of arrow")]
fn depth(data_type: &DataType) -> usize {
    1 + match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| depth(field.data_type())).max().unwrap_or(0),
        DataType::List(element) | DataType::Map(element, _) => depth(element.data_type()),
        _ => 0,
    }
}

/// The columns of files, of paths and about records.
fn columns(
    name: &str,
    source: &Source,
    file: SchemaRef,
    partitions: partitions::Partitions,
) -> Result<TableColumns, PlanError> {
    let options = &source.reading.table;
    let mut extras: Vec<ExtraColumn> = Vec::new();
    let asked = [
        (&options.filename, ExtraKind::Filename),
        (&options.file_offset, ExtraKind::Offset),
        (&options.file_row_number, ExtraKind::RowNumber),
    ];
    for (name, kind) in asked {
        extras.extend(name.iter().map(|name| ExtraColumn { name: name.clone(), kind }));
    }
    let mut columns = TableColumns { file, partitions: partitions.fields, extras, yields: Yield::Rows };
    if source.rejects {
        // The other columns say nothing about a record that cannot be read.
        columns.yields = Yield::Rejects;
        columns.extras = vec![ExtraColumn { name: "filename".into(), kind: ExtraKind::Filename }];
    }
    let mut seen = BTreeSet::new();
    for field in columns.schema().fields() {
        if !seen.insert(field.name().clone()) {
            return Err(PlanError::Table(format!(
                "table '{name}' has two columns called {}: one of its files, and one of their paths or of an option; \
                 give the option another name, or say hive_partitioning => false",
                field.name()
            )));
        }
    }
    Ok(columns)
}

/// The files of all paths, each once, with the partition values of its path.
async fn list(
    reader: &BlockReader,
    table: &str,
    source: &Source,
    base: &PathBase,
) -> Result<Vec<(FileRef, partitions::Values)>, PlanError> {
    let mut files: Vec<(FileRef, partitions::Values)> = Vec::new();
    let mut seen = BTreeSet::new();
    for path in &source.paths {
        let path = base.absolute(path);
        let listed = reader.list_table(&path).await;
        let listed = listed.map_err(|source| PlanError::List { table: table.to_owned(), source })?;
        for TableFile { file, partitions } in listed {
            if seen.insert(file.url.clone()) {
                files.push((file, partitions));
            }
        }
    }
    Ok(files)
}

/// Where the blocks of each file are. A file that cannot be read is an error before anything else is known of it.
async fn places(
    reader: &BlockReader,
    table: &str,
    files: &[(FileRef, partitions::Values)],
) -> Result<Places, PlanError> {
    let files: Vec<FileRef> = files.iter().map(|(file, _)| file.clone()).collect();
    let lookups = files.into_iter().map(|file| async move {
        let places = reader.locations(&file).await;
        let places = places.map_err(|source| PlanError::Locate { table: table.to_owned(), source })?;
        Ok::<_, PlanError>((file.url, places))
    });
    stream::iter(lookups).buffered(LOOKUPS_AT_ONCE).try_collect().await
}
