//! DataFusion over blocks: SQL becomes a graph of tasks on the driver, and each task becomes rows on a worker.
//!
//! ```text
//!  driver                                        worker
//!  SQL ─ source ─ table ─ Planner                Executor
//!            (files, schema, splits)                │ codec: plan bytes + task body
//!        DataFusion plan                            ▼
//!            │ stages: cut at exchanges          CsvScanExec ── bobbin-blocks, bobbin-parse
//!            ▼                                   InputsExec  ── results of earlier tasks
//!        Query { stages of tasks }  ──────────▶     │
//!            ▲ notes: borders of each split         ▼
//!            └──────────────────────────────── Arrow IPC stream + TaskReport
//! ```
//!
//! This crate knows nothing of containers, of the wire or of the application master: it takes and returns plain values.

mod codec;
mod columns;
mod concat;
mod declared_types;
mod divide;
mod error;
mod executor;
mod explain;
mod fault;
mod functions;
mod graph;
mod identifiers;
mod inputs;
mod ipc;
mod leaf;
mod note;
mod payload;
mod planner;
mod provider;
mod query;
mod read_csv;
mod requirements;
mod scan;
mod scopes;
mod settings;
mod side_by_side;
mod sizing;
mod source;
mod split_reader;
mod splits;
mod stages;
mod table;
mod task;

pub use error::{DecodeError, PlanError};
pub use executor::Executor;
pub use ipc::decode_result;
pub use planner::{PathBase, Planner, PlannerOptions};
pub use query::{Borders, InputRange, Query, Stage, TaskPlan};
pub use source::TableName;
pub use task::{CancelFlag, InputError, Inputs, LostInput, Output, Piece, Task, TaskError, TaskErrorKind, TaskReport};
