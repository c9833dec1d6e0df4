//! Environment archives: what is in them and whether they can be trusted.
//!
//! [`inspect`] reads an archive through once, before anything is uploaded, and finds on the gateway what would
//! otherwise only show on a node: a cut-off file, a path that leads out of the directory it is unpacked into, a name
//! that YARN would not unpack. It also notices what kind of environment it is.

mod archive;
mod contents;
mod elf;
mod error;
mod filter;
mod fixups;
mod format;
mod frames;
mod pack;
mod paths;
mod pipeline;
mod plan;
mod pool;
mod read;
mod relocate;
mod sys;
mod tree;
mod unpack;
mod verify;

pub use archive::{Archive, inspect};
pub use contents::Style;
pub use error::{ArchiveError, Defect, Unsupported};
pub use filter::{BadPattern, Patterns};
pub use format::{Format, UnknownSuffix};
pub use pack::{DEFAULT_TIME, Directory, PackError, PackOptions, Packed, Preview, Progress, pack, preview};
pub use plan::{LeftOut, Reason};
pub use read::Limits;
pub use relocate::{Place, Remain};
pub use unpack::{SharedError, UnpackError, UnpackOptions, Unpacked, unpack, unpack_shared};
pub use verify::{Import, Interpreter, MissingLibrary, Verification, VerifyError, VerifyOptions, verify};
