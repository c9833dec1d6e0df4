//! DataFusion over blocks: SQL becomes a graph of tasks on the driver, and each task becomes rows on a worker.
//!
//! ```text
//!  driver                                        worker
//!  SQL ─ source ─ table ─ Planner                Executor
//!            (files, schema, splits)                │ codec: plan bytes + task body
//!        DataFusion plan                            ▼
//!            │ stages: cut at exchanges          ScanExec ── bobbin-blocks, bobbin-parse
//!            ▼                                   InputsExec  ── results of earlier tasks
//!        Query { stages of tasks }  ──────────▶     │
//!            ▲ notes: borders of each split         ▼
//!            └──────────────────────────────── Arrow IPC stream + TaskReport
//! ```
//!
//! This crate knows nothing of containers, of the wire or of the application master: it takes and returns plain values.

mod borders;
mod codec;
mod concat;
mod divide;
mod error;
mod executor;
mod explain;
mod fault;
mod functions;
mod graph;
mod inputs;
mod ipc;
mod kept;
mod leaf;
mod naming;
pub mod output;
mod payload;
mod planner;
mod prune;
mod query;
mod request;
mod requirements;
mod resolve;
mod scan;
mod settings;
mod side_by_side;
mod sizing;
mod sql;
mod stages;
mod tables;

pub use bobbin_blocks::{PathBase, scheme};
pub use bobbin_task::{
    CancelFlag, Execute, InputError, Inputs, LostInput, Output, Piece, Task, TaskError, TaskErrorKind, TaskReport,
};
pub use borders::BorderSearch;
pub use error::{DecodeError, PlanError};
pub use executor::Executor;
pub use ipc::decode_result;
pub use kept::{Kept, KeptPart, KeptTable};
pub use planner::{KnownBorders, Planner, PlannerOptions, Prepared};
pub use query::{BadRecords, Borders, InputRange, Query, Stage, TaskPlan};
pub use request::{Request, Shown};
pub use sql::{Catalog, Statement};
pub use tables::{FileFormat, OptionValue};
