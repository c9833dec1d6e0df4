//! DataFusion over blocks: SQL becomes a graph of tasks on the driver, and each task becomes rows on a worker.
//!
//! ```text
//!  driver                                        worker
//!  SQL ─ source ─ table ─ Planner                Executor
//!            (files, schema, splits)                │ codec: plan bytes + task body
//!        DataFusion plan                            ▼
//!            │ stages: cut above each scan       CsvScanExec ── bobbin-blocks, bobbin-parse
//!            ▼                                   InputsExec  ── results of earlier tasks
//!        Query { stages of tasks }  ──────────▶     │
//!            ▲ notes: borders of each split         ▼
//!            └──────────────────────────────── Arrow IPC stream + TaskReport
//! ```
//!
//! This crate knows nothing of containers, of the wire or of the application master: it takes and returns plain values.

mod error;
mod executor;
mod planner;
mod query;
mod source;
mod task;

pub use error::{DecodeError, PlanError};
pub use executor::Executor;
pub use planner::{PathBase, Planner, PlannerOptions};
pub use query::{Borders, Query, Stage, TaskPlan, decode_result};
pub use source::TableName;
pub use task::{CancelFlag, InputError, Inputs, Output, Task, TaskError, TaskErrorKind, TaskReport};
