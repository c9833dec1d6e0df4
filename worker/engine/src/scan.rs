//! Reading tables: splits of files, the leaf that reads them, and what it tells about where records begin.

mod bytes;
mod exec;
mod filter;
mod note;
mod output;
mod reader;
mod shape;
mod splits;

pub(crate) use bytes::{ByteSource, Piece};
pub(crate) use exec::ScanExec;
pub(crate) use filter::ScanFilter;
pub(crate) use note::{BadNote, Cost, Failure, SplitNote, merge};
pub(crate) use reader::ScanSource;
pub(crate) use shape::{ExtraColumn, ExtraKind, Origin, ScanShape, TableColumns};
pub(crate) use splits::{FileFacts, FirstRecords, Split, SplitSettings, cut, hosts, spaced, split_size};
