//! What goes wrong while a task runs. Faults travel through DataFusion's operators as foreign errors and are recognised
//! again at the end.

#![allow(clippy::wildcard_enum_match_arm, reason = "DataFusion's errors are foreign and grow")]

use std::error::Error;

use bobbin_blocks::compression::DecompressError;
use bobbin_blocks::{ReadError, WriteError};
use bobbin_parse::{RecordError, SplitRange};
use datafusion::error::DataFusionError;

use crate::error;
use crate::output::OutputError;
use crate::scan::Split;
use bobbin_task::{InputError, LostInput, TaskError, TaskErrorKind};

/// A fault of ours, inside DataFusion's error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The flag was raised.
    #[error("the task was cancelled")]
    Cancelled,
    /// Bytes of a split could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A compressed file could not be unpacked.
    #[error(transparent)]
    Unpack(#[from] DecompressError),
    /// A record could not be read.
    #[error("read {url}")]
    Record {
        /// The file.
        url: String,
        /// What is wrong with the record.
        #[source]
        source: RecordError,
    },
    /// A file is in another encoding than anybody can read.
    #[error("read {url}: it is UTF-16; convert it first, with iconv -f UTF-16 -t UTF-8")]
    Utf16 {
        /// The file.
        url: String,
    },
    /// An input could not be fetched.
    #[error(transparent)]
    Input(#[from] LostInput),
    /// An input is not what its task writes.
    #[error("decode input {index} of the task")]
    Garbled {
        /// Which, within the task's own inputs.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// Rows could not be encoded.
    #[error("write the rows")]
    Encode(#[source] OutputError),
    /// A part file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The result could not be kept.
    #[error("keep the result")]
    Output(#[source] std::io::Error),
    /// The task's bytes are not a task of this build.
    #[error("decode the task: {0}")]
    Task(String),
}

impl From<Fault> for DataFusionError {
    fn from(fault: Fault) -> Self {
        DataFusionError::External(Box::new(fault))
    }
}

/// The error as the worker reports it.
pub(crate) fn task_error(error: &DataFusionError) -> TaskError {
    find(error).map_or_else(|| from_datafusion(error), from_fault)
}

/// Whether the error may come from the values that were read, and so from a split's wrong start.
pub(crate) fn is_about_data(error: &DataFusionError) -> bool {
    find(error).is_none_or(|fault| matches!(fault, Fault::Record { .. }))
}

/// The error of a task over one split: an operator's words do not say which records it looked at.
pub(crate) fn task_error_in(error: &DataFusionError, split: Option<&Split>) -> TaskError {
    let mut reported = task_error(error);
    if let (Some(split), None) = (split, find(error)) {
        let Split { file, start, end, .. } = split;
        let end = if *end == SplitRange::UNKNOWN { "the end".to_owned() } else { end.to_string() };
        reported.message = format!("{} (in records of {}, bytes {start} to {end})", reported.message, file.url);
    }
    reported
}

/// Our fault below DataFusion's errors.
fn find(error: &DataFusionError) -> Option<&Fault> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(fault) = current.downcast_ref::<Fault>() {
            return Some(fault);
        }
        cause = current.source();
    }
    None
}

fn from_fault(fault: &Fault) -> TaskError {
    let (kind, exit_code) = match fault {
        Fault::Cancelled => (TaskErrorKind::Cancelled, 130),
        Fault::Read(error) => (read_kind(error), error.exit_code()),
        Fault::Unpack(DecompressError::Read(error)) => (read_kind(error), error.exit_code()),
        Fault::Unpack(error) => (TaskErrorKind::Permanent, error.exit_code()),
        Fault::Record { .. } | Fault::Utf16 { .. } => (TaskErrorKind::Permanent, 66),
        Fault::Input(LostInput { index, source: InputError::Lost(_) }) => (TaskErrorKind::InputLost(vec![*index]), 1),
        Fault::Input(LostInput { source: InputError::NotGiven(_), .. }) => (TaskErrorKind::Permanent, 70),
        Fault::Output(_) => (TaskErrorKind::Transient, 1),
        Fault::Encode(_) => (TaskErrorKind::Permanent, 66),
        Fault::Write(error) => (TaskErrorKind::Permanent, error.exit_code()),
        Fault::Garbled { index, .. } => (TaskErrorKind::InputLost(vec![*index]), 1),
        Fault::Task(_) => (TaskErrorKind::Permanent, 70),
    };
    TaskError { kind, message: chain(fault), exit_code }
}

fn read_kind(error: &ReadError) -> TaskErrorKind {
    if error.may_pass() { TaskErrorKind::Transient } else { TaskErrorKind::Permanent }
}

/// The way out where a task's memory does not suffice.
const MORE_MEMORY: &str = "give each task more memory: on a cluster with --worker-memory, in one process with fewer threads, as \
                           in --master local[1]";

/// DataFusion's own errors: bad values are the query's, a full disk is the machine's.
fn from_datafusion(error: &DataFusionError) -> TaskError {
    let text = error::text(error);
    let (kind, message, exit_code) = match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => {
            (TaskErrorKind::Permanent, format!("run the query: {text}; {MORE_MEMORY}"), 1)
        }
        DataFusionError::IoError(_) => (TaskErrorKind::Transient, format!("run the query: {text}"), 1),
        DataFusionError::Internal(_) => (TaskErrorKind::Permanent, format!("run the query: {text}"), 70),
        _ => (TaskErrorKind::Permanent, format!("run the query: {text}"), 1),
    };
    TaskError { kind, message, exit_code }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        text = format!("{text}: {current}");
        cause = current.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn finds_faults_below_other_errors() {
        let fault = Fault::Input(LostInput { index: 3, source: InputError::Lost("no holder".into()) });
        let wrapped = DataFusionError::Shared(Arc::new(DataFusionError::from(fault).context("while sorting")));
        let error = task_error(&wrapped);
        assert_eq!(error.kind, TaskErrorKind::InputLost(vec![3]));
        assert_eq!(error.message, "fetch input 3 of the task: no holder");
    }

    #[test]
    fn only_what_may_change_is_tried_again() {
        let url = || "hdfs://nn/a.csv".to_owned();
        let no_replica = |permanent| ReadError::NoReplica { url: url(), offset: 0, reasons: Vec::new(), permanent };
        assert_eq!(read_kind(&no_replica(false)), TaskErrorKind::Transient);
        assert_eq!(read_kind(&no_replica(true)), TaskErrorKind::Permanent);
        assert_eq!(read_kind(&ReadError::BeingWritten { url: url() }), TaskErrorKind::Permanent);
    }

    #[test]
    fn memory_errors_name_the_way_out() {
        let error = task_error(&DataFusionError::ResourcesExhausted("too much".into()));
        assert_eq!(error.kind, TaskErrorKind::Permanent);
        assert!(error.message.contains("--worker-memory"), "{}", error.message);
    }
}
