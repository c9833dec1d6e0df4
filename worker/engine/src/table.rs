//! A table as the driver sees it before planning: its files, its columns, how its records are written.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use bobbin_blocks::{BlockReader, FileRef};
use bobbin_parse::csv::CsvOptions;
use futures::{StreamExt, TryStreamExt, stream};

use crate::columns;
use crate::declared_types;
use crate::error::PlanError;
use crate::graph::Places;
use crate::planner::PathBase;
use crate::read_csv::CsvSource;
use crate::source::scheme;

/// Files whose blocks are looked up at the same time.
const LOOKUPS_AT_ONCE: usize = 16;

/// Files that have the same columns.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// As the query writes it.
    pub name: String,
    /// The files that hold more than empty lines, in path order.
    pub files: Vec<FileRef>,
    /// Where the blocks of each file are, by URL.
    pub places: Arc<Places>,
    /// All columns of the files.
    pub schema: SchemaRef,
    /// Columns whose type nobody knows: no file that was looked at has a value, and none was declared.
    pub unknown: Vec<usize>,
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
        let mut columns = columns::learn(reader, name, files, &source.options).await?;
        if let Some(types) = &source.types {
            let (schema, declared) = declared_types::apply(&columns.schema, types)?;
            columns.schema = schema;
            columns.unknown.retain(|at| !declared.contains(at));
        }
        Ok(Self {
            name: name.to_owned(),
            files: columns.files,
            places,
            schema: columns.schema,
            unknown: columns.unknown,
            options: Arc::new(source.options.clone()),
            record_bytes: columns.record_bytes,
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
}
