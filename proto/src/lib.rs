//! Bobbin's own wire: the messages between driver, application master and workers, and the codec of their frames.
//! No IO. The messages are described in `protos/bobbin.proto`, which other languages can compile too.

mod codec;
/// The messages, generated from `protos/bobbin.proto`.
#[allow(missing_docs, clippy::all)]
#[rustfmt::skip]
pub mod generated {
    include!("generated/bobbin.v1.rs");
}

pub use codec::{FrameCodec, FrameError, MAX_FRAME};
pub use generated::*;
pub use prost::{DecodeError, Message};

/// Version of the protocol that this build speaks. A peer with another version is refused with both numbers in the
/// message: all parts of an application come from one executable, so a mismatch means a mixed-up deployment.
pub const PROTOCOL_VERSION: u32 = 6;

/// Instead of a holder's number in [`Input::holders`]: the task was skipped, and its result is one without rows.
pub const NO_HOLDER: u32 = u32::MAX;
