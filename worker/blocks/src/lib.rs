//! Byte ranges of HDFS blocks and local files, as fast as the machine can read them.
//!
//! A [`BlockReader`] lists inputs, tells where their bytes live and opens them; an [`OpenFile`] hands out windows of at
//! most 8 MiB. A block of HDFS is read through file descriptors that the DataNode of this host hands over, else through
//! that DataNode's socket, else from another host; each fall is remembered with its reason in [`ReadCounters`].

mod base;
mod checksum;
pub mod compression;
mod counters;
mod error;
mod file;
mod glob;
mod hdfs;
mod listing;
mod local;
mod open;
pub mod output;
pub mod partition;
mod place;
mod reader;
mod sys;
mod window;
mod write;

pub use base::{PathBase, scheme};
pub use counters::{ReadCounters, ReadSnapshot};
pub use error::{ListError, ReadError, SetUpError, WriteError};
pub use file::{BlockPlaces, FileRef, TableFile};
pub use open::OpenFile;
pub use reader::{BlockReader, HdfsOptions};
