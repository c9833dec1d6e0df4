//! Every decision of an application: placement, container requests, retries. No IO, no clock.
//!
//! The shell (the application master on YARN, a thread in local mode) turns what it hears into an [`Event`], calls
//! [`Core::handle`], and does the [`Action`]s that come back, in order. The core never asks the time and never throws
//! dice; its order is that of its numbers. The same events give the same actions.
//!
//! ```text
//!  events                     the core                                  actions
//!  job submitted     ---->    job, groups,     which tasks can run      JobAccepted, ResultReady, JobFinished
//!  task finished/failed       lineage, ready   ... and where
//!                             limit            which need not run       CancelTask
//!                             failing          which cannot             ResultFailed
//!  job or results released    imports,         what others still read   DropResults, ForgetJob
//!                             core/sharing, core/independent
//!  tick                       core/speculation who takes too long       Assign, a second time
//!  worker connected/gone      core/dispatch    who runs what            Assign, CancelTask, DropResults
//!  result copied              copies,          who else has, or is to  Copy, DropResults, StopWorker
//!                             core/copying     have, a result
//!  task waits                 core/special     ... first, last, or in few places only
//!  driver asks                commons,         values, queues, leases   Answer
//!                             core/datasets    results by name          ... ResultReady to others
//!  nodes, headroom            core/plan        how many containers,     Ask, Blacklist
//!                             cover, requests  and on which hosts
//!  worker has older results   former,          what need not run again  AdoptResults, DropFormer
//!                             core/adopting
//!  containers granted/ended   core/containers  what they are for,       Launch, Release, StopWorker
//!                             exit, core/loss  who is to blame
//!  tick                       core/ending      idle, hopeless, over     JobFailed, Finish
//! ```
//!
//! Deliberately absent: fairness between the jobs of one driver (the oldest goes first).
//! Nothing here survives the application master: drivers tell the next one what they need, and workers what they have.

mod action;
mod bits;
mod classes;
mod commons;
mod config;
mod copies;
mod core;
mod cover;
mod event;
mod exit;
mod expected;
mod failing;
mod fleet;
mod forecast;
mod former;
mod groups;
mod hosts;
mod ids;
mod imports;
mod job;
mod jobs;
mod limit;
mod lineage;
mod lists;
mod names;
mod pace;
mod placing;
mod progress;
mod questions;
mod queue;
mod ready;
mod requests;
mod story;
mod tempo;
mod trouble;
mod turns;
mod worker;

#[cfg(test)]
mod tests;

pub use action::{Action, AskRow, Assignment, Audience, Input, Place};

pub use config::{ClusterConfig, Config, LocalityWaits, Speculation};
pub use event::{
    Capability, Event, FailureKind, FormerJob, FormerResults, Grant, Graph, InputRange, Node, TaskFailure, TaskOptions,
    TaskRequest, TaskSet,
};
pub use exit::{ExitCause, ExitKind};
pub use ids::{ContainerId, CopyId, DriverId, JobId, RequestId, SHARED_JOBS, TaskId, Time, WorkerId};
pub use names::HostNames;
pub use progress::{Pace, Progress, Summary};
pub use questions::{Answer, DatasetEntry, Placing, Question, WorkerStatus};
pub use tempo::MOST_AHEAD;

pub use crate::core::Core;
