//! What the first bytes of a table's files say about its columns, and what the user says instead.

use arrow::datatypes::SchemaRef;
use bobbin_blocks::{BlockReader, FileRef};

use crate::error::PlanError;
use crate::tables::declared::{self, sql_name};
use crate::tables::options::{FileFormat, Reading};
use crate::tables::{csv, json};

/// What is taken for the length of a record where nobody has looked at any.
const UNSEEN_RECORD_BYTES: u64 = 128;

/// The columns of a table's files.
#[derive(Debug)]
pub(crate) struct Learned {
    /// Names and types; a field of a file can always be empty.
    pub schema: SchemaRef,
    /// What each column's type rests on, for people.
    pub origins: Vec<String>,
    /// Columns of which no file that was looked at has a value.
    pub unknown: Vec<usize>,
    /// Bytes of an average record, for estimates.
    pub record_bytes: u64,
    /// The files that hold more than empty lines, by number, and which of the table's columns each of theirs is (none:
    /// the table's, in order).
    pub files: Vec<(usize, Vec<usize>)>,
}

/// Learns the columns of files; declared types win over what their bytes say.
pub(crate) async fn learn(
    reader: &BlockReader,
    table: &str,
    files: &[FileRef],
    reading: &Reading,
) -> Result<Learned, PlanError> {
    if let Some(columns) = &reading.table.columns {
        let schema = declared::schema(columns)?;
        let origins = vec!["declared".to_owned(); schema.fields().len()];
        let files = (0..files.len()).map(|at| (at, Vec::new())).collect();
        return Ok(Learned { schema, origins, unknown: Vec::new(), record_bytes: UNSEEN_RECORD_BYTES, files });
    }
    let mut learned = match reading.format {
        FileFormat::Csv => csv::learn(reader, table, files, reading).await?,
        FileFormat::Json => json::learn(reader, table, files, reading).await?,
    };
    if let Some(types) = &reading.table.types {
        let (schema, declared) = declared::apply(&learned.schema, types)?;
        learned.schema = schema;
        learned.unknown.retain(|at| !declared.contains(at));
        for at in declared {
            learned.origins[at] = "declared".to_owned();
        }
    }
    Ok(learned)
}

/// The warning about a column of which nothing is known.
pub(crate) fn warn_of_unknown(table: &str, column: &str) {
    tracing::warn!(
        "column {column} of '{table}' has no value in the records that were looked at, and is read as VARCHAR; if it is a \
         number or a time, say so: types => '{column} BIGINT'"
    );
}

/// The warning about a column that has one type here and another there.
pub(crate) fn warn_of_conflict(column: &str, here: (&str, String), there: (&str, String)) {
    let ((one, one_type), (two, two_type)) = (here, there);
    tracing::warn!(
        "column {column} is {one_type} in {one} and {two_type} in {two}: it is read as VARCHAR; declare its type with \
         types => '{column} {one_type}'"
    );
}

/// How a type is called in a sentence about where it came from.
pub(crate) fn rule(data_type: &arrow::datatypes::DataType, records: usize, bytes: u64, files: usize) -> String {
    format!("every value of {records} records ({bytes} bytes of {files} files) is a {}", sql_name(data_type))
}
