//! Submitting to YARN, and looking after what was submitted: preflight, upload, submission, reports, kill, clean-up.
//!
//! ```text
//! Request -- preflight --> upload cache --> submission context --> ResourceManager
//!               |              |                                        |
//!            Refusal      LocalizedFile (content hash)         wait_until(Running | Ended)
//! ```
//!
//! Nothing here hangs: every call has a time limit of its own.

mod account;
mod application;
mod cache;
mod cluster;
mod digests;
mod executable;
pub mod exit;
mod hdfs;
mod membership;
mod memory;
pub mod named;
mod preflight;
mod request;
mod staging;
mod submission;
mod submit;
mod sweep;
mod urls;
mod watch;

pub use account::account;
pub use application::{Aggregation, Application, Outcome, State};
pub use cluster::{Cluster, ClusterError};
pub use digests::{Digest, DigestError, Digests};
pub use executable::{ExecutableError, check_executable, executable};
pub use hdfs::{Entry, Hdfs, HdfsError, HdfsFailure, HdfsFile};
pub use membership::Membership;
pub use memory::{Memory, cache_directory};
pub use preflight::{Facts, PreflightError, Refusal, check, preflight};
pub use request::{Container, Environment, Localized, Request, Source, program_link};
pub use staging::clean;
pub use submission::{LAUNCH_COMMAND, describe};
pub use submit::{Step, SubmitError, Submitted, submit};
pub use sweep::Sweep;
pub use urls::{Location, UrlError};
pub use watch::{Goal, WatchError, kill, report, wait_until};

/// Type of our applications, for lists and pages.
pub const APPLICATION_TYPE: &str = "bobbin";
