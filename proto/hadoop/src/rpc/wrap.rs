//! What lies between frames and the socket after authentication.

use bytes::Bytes;

use super::{FrameError, FrameSplitter};

/// The wrapping stage that the handshake agreed on. Integrity and privacy (`hadoop.rpc.protection`) will be further
/// variants; until then the handshake refuses servers that insist on them.
#[derive(Debug, Default)]
pub enum Wrap {
    /// Frames travel as they are.
    #[default]
    None,
}

impl Wrap {
    /// What to write to the socket for whole outgoing frames.
    pub fn seal(&mut self, frames: Bytes) -> Bytes {
        match self {
            Self::None => frames,
        }
    }

    /// Feeds bytes received from the socket to `frames`. A wrapped message may hold a part of a frame or several,
    /// which is why this goes into the splitter and not out of it.
    pub fn open(&mut self, received: &[u8], frames: &mut FrameSplitter) -> Result<(), FrameError> {
        match self {
            Self::None => frames.push(received),
        }
        Ok(())
    }
}
