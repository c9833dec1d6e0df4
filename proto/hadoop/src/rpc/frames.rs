//! Cuts a stream of bytes into frames: a big-endian length, then that many bytes.

use bytes::{Buf, Bytes, BytesMut};

/// Longest frame that is accepted: Hadoop's own `ipc.maximum.response.length`.
pub const MAX_FRAME: usize = 128 * 1024 * 1024;

const LENGTH_BYTES: usize = 4;
/// Room that is made at once on the word of a peer.
const MAX_RESERVE: usize = 1024 * 1024;

/// Why received bytes are no frames.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The announced length is absurd: most often the peer speaks another protocol.
    #[error("frame of {length} bytes is over the limit of {limit}; does the peer speak Hadoop RPC on this port?")]
    TooLong {
        /// Announced length.
        length: usize,
        /// What we accept.
        limit: usize,
    },
    /// The peer answers with HTTP.
    #[error("peer answers with HTTP; this is a web port, not an RPC port")]
    Http,
    /// A frame ends before its content.
    #[error("response body of {announced} bytes announced, its frame holds {left}")]
    Short {
        /// Length of the body.
        announced: usize,
        /// What there is.
        left: usize,
    },
    /// The content is not the message that belongs there.
    #[error("decode {what}")]
    Malformed {
        /// Which message.
        what: &'static str,
        /// What the decoder said.
        #[source]
        source: prost::DecodeError,
    },
}

/// Collects received bytes and yields whole frames, without their length prefix.
#[derive(Debug)]
pub struct FrameSplitter {
    buffer: BytesMut,
    limit: usize,
}

impl Default for FrameSplitter {
    fn default() -> Self {
        Self::with_limit(MAX_FRAME)
    }
}

impl FrameSplitter {
    /// A splitter that accepts frames of at most `limit` bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self { buffer: BytesMut::new(), limit }
    }

    /// Adds received bytes.
    pub fn push(&mut self, received: &[u8]) {
        self.buffer.extend_from_slice(received);
    }

    /// The buffer itself, so that a reader can append to it without a copy.
    pub fn buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Bytes that wait for the rest of their frame.
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// The next whole frame; none while bytes are missing.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(prefix) = self.buffer.first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        if prefix == b"HTTP" {
            return Err(FrameError::Http);
        }
        let length = u32::from_be_bytes(*prefix) as usize;
        if length > self.limit {
            return Err(FrameError::TooLong { length, limit: self.limit });
        }
        if self.buffer.len() - LENGTH_BYTES < length {
            self.buffer.reserve((length + LENGTH_BYTES - self.buffer.len()).min(MAX_RESERVE));
            return Ok(None);
        }
        self.buffer.advance(LENGTH_BYTES);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_whatever_the_cuts() {
        let stream = [0, 0, 0, 2, b'a', b'b', 0, 0, 0, 0, 0, 0, 0, 1, b'c'];
        for cut in 1..=stream.len() {
            let mut splitter = FrameSplitter::default();
            let mut frames = Vec::new();
            for piece in stream.chunks(cut) {
                splitter.push(piece);
                while let Some(frame) = splitter.next_frame().unwrap() {
                    frames.push(frame);
                }
            }
            assert_eq!(frames, [&b"ab"[..], b"", b"c"], "pieces of {cut}");
            assert_eq!(splitter.pending(), 0);
        }
    }

    #[test]
    fn absurd_lengths_are_refused_before_any_allocation() {
        let mut splitter = FrameSplitter::with_limit(8);
        splitter.push(&[0, 0, 0, 9]);
        assert!(matches!(splitter.next_frame(), Err(FrameError::TooLong { length: 9, limit: 8 })));
        let mut splitter = FrameSplitter::default();
        splitter.push(b"HTTP/1.1 404 Not Found");
        assert!(matches!(splitter.next_frame(), Err(FrameError::Http)));
    }
}
