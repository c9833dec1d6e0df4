//! Tables: which files, how they are read, what columns they have, and what DataFusion's planner sees of them.

mod csv;
mod declared;
mod frames;
mod inference;
mod json;
mod options;
mod partitions;
mod provider;
mod sample;
mod source;
mod table;
mod value;

pub(crate) use declared::sql_name;
pub use options::FileFormat;
pub(crate) use options::{OptionError, Reading, option_names};
pub(crate) use provider::FileTable;
pub(crate) use source::Source;
pub(crate) use table::{Finder, Table};
pub use value::OptionValue;
