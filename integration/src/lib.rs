//! The real Hadoop test cluster, end-to-end tests and benchmarks; never published.
//!
//! [`cluster::Cluster`] is HDFS and YARN on this machine, every host in namespaces of its own. Tests ask [`shared`] for the
//! one cluster of their process, or [`private`] for one that they may break; both say why there is none where there can be none.

pub mod cluster;
pub mod data;
mod gate;
pub mod install;
mod notice;
pub mod oracle;
pub mod process;
mod programs;
pub mod python;
mod sys;
pub mod wait;

pub use gate::{private, shared, skip, version};
pub use programs::{ProgramError, cargo, program_beside, yarn_submit};
pub use sys::{Usage, measured};
