//! Why a query cannot be planned, or a result not be read.

#![allow(clippy::wildcard_enum_match_arm, reason = "DataFusion's errors are foreign and grow")]

use bobbin_blocks::compression::DecompressError;
use bobbin_blocks::{ListError, ReadError};
use bobbin_parse::csv::InferError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

/// Why a query cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The text is not a query that we run.
    #[error("{0}")]
    Statement(String),
    /// The text does not follow the grammar, or names what is not there.
    #[error("plan the query: {0}")]
    Plan(String),
    /// A table's files cannot be listed.
    #[error("find table '{table}'")]
    List {
        /// The table as written.
        table: String,
        /// What happened.
        #[source]
        source: ListError,
    },
    /// A table's files cannot be read at all, or nobody says where they are.
    #[error("locate table '{table}'")]
    Locate {
        /// The table as written.
        table: String,
        /// What happened.
        #[source]
        source: ReadError,
    },
    /// A table's first bytes cannot be read.
    #[error("read the first bytes of table '{table}'")]
    Read {
        /// The table as written.
        table: String,
        /// What happened.
        #[source]
        source: ReadError,
    },
    /// A table's files cannot be unpacked, or read for what they say of their frames.
    #[error("look into the files of table '{table}'")]
    Unpack {
        /// The table as written.
        table: String,
        /// What happened.
        #[source]
        source: Box<DecompressError>,
    },
    /// A file is in another encoding than anybody can read.
    #[error("read {file}: it is UTF-16; convert it first, with iconv -f UTF-16 -t UTF-8")]
    Utf16 {
        /// The file.
        file: String,
    },
    /// The first bytes of a table of JSON say nothing about its columns.
    #[error("learn the columns of {file}")]
    InferJson {
        /// The file that was looked at.
        file: String,
        /// What is wrong with it.
        #[source]
        source: Box<bobbin_parse::json::InferError>,
    },
    /// A table's first bytes say nothing about its columns.
    #[error("learn the columns of {file}")]
    Infer {
        /// The file that was looked at.
        file: String,
        /// What is wrong with it.
        #[source]
        source: Box<InferError>,
    },
    /// Files of one table that do not belong together, or hold nothing.
    #[error("{0}")]
    Table(String),
    /// The query is right and we cannot run it: our mistake.
    #[error("plan the query's tasks: {0}")]
    Internal(String),
}

impl PlanError {
    /// The error of a table's compressed file.
    pub(crate) fn unpack(table: &str, source: DecompressError) -> Self {
        PlanError::Unpack { table: table.to_owned(), source: Box::new(source) }
    }

    /// The exit code of a command that fails because of this.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Statement(_) | Self::Plan(_) => 64,
            Self::List { source, .. } => source.exit_code(),
            Self::Locate { source, .. } | Self::Read { source, .. } => source.exit_code(),
            Self::Unpack { source, .. } => source.exit_code(),
            Self::Infer { .. } | Self::InferJson { .. } | Self::Utf16 { .. } | Self::Table(_) => 66,
            Self::Internal(_) => 70,
        }
    }

    /// What DataFusion says about a text that does not follow the grammar.
    pub(crate) fn parse(error: DataFusionError) -> Self {
        Self::Statement(format!("read the query: {}", text(&error)))
    }

    /// What DataFusion says about a query that cannot be planned.
    pub(crate) fn plan(error: DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::Internal(_) => Self::Internal(text(&error)),
            DataFusionError::SchemaError(schema, _) if let SchemaError::AmbiguousReference { field } = &**schema => {
                let name = &field.name;
                Self::Plan(format!(
                    "the reference {name} is ambiguous: several tables have such a column; put a table's name in front, as in \
                     t.{name}"
                ))
            }
            _ => Self::Plan(without_apologies(&text(&error))),
        }
    }

    /// What DataFusion says about something that we did wrong.
    pub(crate) fn internal(error: DataFusionError) -> Self {
        Self::Internal(text(&error))
    }
}

/// What DataFusion says before it names a function that does not take what it is given. It calls that a bug of its own.
const NO_SIGNATURE: &str = "No function matches the given name and argument types";

/// A message about a function's arguments, without the request to report a bug, and with a way out.
fn without_apologies(message: &str) -> String {
    let Some(at) = message.find(NO_SIGNATURE) else {
        return message.to_owned();
    };
    let plain = message[at..].replace("Utf8View", "VARCHAR");
    let way_out =
        "where a VARCHAR column holds numbers, use CAST, or declare it: read_csv('path', types => 'column DOUBLE')";
    format!("{}; {way_out}", plain.trim_end())
}

/// DataFusion's words, without its own class names in front.
pub(crate) fn text(error: &DataFusionError) -> String {
    let root = error.find_root();
    let full = root.strip_backtrace();
    match root {
        DataFusionError::Plan(message)
        | DataFusionError::Execution(message)
        | DataFusionError::NotImplemented(message) => message.clone(),
        _ => full,
    }
}

/// Why a task's result cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("decode a task's result")]
pub struct DecodeError {
    #[source]
    source: arrow::error::ArrowError,
}

impl From<arrow::error::ArrowError> for DecodeError {
    fn from(source: arrow::error::ArrowError) -> Self {
        Self { source }
    }
}
