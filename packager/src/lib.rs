//! Environment archives: what is in them and whether they can be trusted.
//!
//! [`inspect`] reads an archive through once, before anything is uploaded, and finds on the gateway what would
//! otherwise only show on a node: a cut-off file, a path that leads out of the directory it is unpacked into, a name
//! that YARN would not unpack. It also notices what kind of environment it is.

mod archive;
mod contents;
mod error;
mod format;
mod paths;

pub use archive::{Archive, inspect};
pub use contents::Style;
pub use error::{ArchiveError, Defect, Unsupported};
pub use format::Format;
