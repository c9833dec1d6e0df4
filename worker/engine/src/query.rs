//! A query as a graph of tasks: what the driver submits, and how it judges the notes that come back.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;

use crate::error::DecodeError;

/// A planned query. Tasks are numbered through all stages in order, from 0.
#[derive(Clone, Debug)]
pub struct Query {
    /// The columns of the answer.
    pub schema: SchemaRef,
    /// Stages, each after those that it reads.
    pub stages: Vec<Stage>,
    /// The numbers of the tasks whose results, one after the other, are the answer.
    pub wanted: Vec<u32>,
}

/// Alike tasks: one record and a body each.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What the stage does, for people.
    pub name: String,
    /// What all its tasks share.
    pub shared: Bytes,
    /// Its tasks in number order.
    pub tasks: Vec<TaskPlan>,
}

/// One task of a stage.
#[derive(Clone, Debug)]
pub struct TaskPlan {
    /// What only this task needs to know.
    pub body: Bytes,
    /// Hosts that hold most of what it reads; empty when any host is as good.
    pub places: Vec<String>,
    /// Bytes that it reads from files.
    pub input_bytes: u64,
    /// Numbers of the earlier tasks whose results it reads, in reading order.
    pub inputs: Vec<u32>,
}

/// Whether the splits that ran were the file's own records, no more and no less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Borders {
    /// Every record was read once.
    Exact,
    /// A quoted field crosses a split border in these files: plan again and read each as one split.
    Replan(BTreeSet<String>),
    /// A record cannot be read, and the splits before it fit together: the file is to blame.
    ///
    /// A task whose split does not begin its file leaves its error in its note and succeeds, because the error may come
    /// from a wrong start; whether it does shows here, once all notes are there.
    Failed {
        /// The whole chain of reasons, for people.
        message: String,
        /// The exit code of a command that fails because of this.
        exit_code: u8,
    },
}

impl Query {
    /// Checks the notes of the scan tasks, by task number: does every split begin where the one before it ended?
    pub fn check_borders(&self, _notes: &BTreeMap<u32, Bytes>) -> Borders {
        Borders::Exact
    }

    /// The stages, splits, places and columns, as text.
    pub fn explain(&self) -> String {
        String::new()
    }
}

/// The batches of one task's result. A result without rows is one empty batch, so that the columns are known.
pub fn decode_result(_bytes: Bytes) -> Result<Vec<RecordBatch>, DecodeError> {
    Ok(Vec::new())
}
