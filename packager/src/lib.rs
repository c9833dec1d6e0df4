//! Environments as archives: packed here, unpacked there, and nothing in them trusted.
//!
//! [`pack`] makes one archive of an environment that works in any place; [`unpack`] makes a directory of it; [`verify`] tries it
//! where nothing of its old place is left. [`inspect`] reads an archive through once, before anything is uploaded, and finds on the gateway what would
//! otherwise only show on a node: a cut-off file, a path that leads out of the directory it is unpacked into, a name
//! that YARN would not unpack. It also notices what kind of environment it is.

mod archive;
mod contents;
mod elf;
mod error;
mod failure;
mod filter;
mod fixups;
mod format;
mod frames;
mod options;
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
pub use failure::PackError;
pub use filter::{BadPattern, Patterns};
pub use format::{Format, UnknownSuffix};
pub use options::{DEFAULT_TIME, PackOptions};
pub use pack::{Directory, Packed, Preview, Progress, pack, preview};
pub use plan::{LeftOut, Reason};
pub use read::Limits;
pub use relocate::{Place, Remain};
pub use unpack::{SharedError, UnpackError, UnpackOptions, Unpacked, unpack, unpack_shared};
pub use verify::{Import, Interpreter, MissingLibrary, Verification, VerifyError, VerifyOptions, verify};
