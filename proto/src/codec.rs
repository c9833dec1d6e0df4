//! Frames: a 4-byte big-endian length, then one protobuf message.

use std::marker::PhantomData;

use bytes::{Buf, BufMut, BytesMut};
use prost::Message;
use tokio_util::codec::{Decoder, Encoder};

/// Longest frame that we accept, bytes. Results do not travel in frames, so only a large job comes near it.
pub const MAX_FRAME: usize = 64 << 20;

/// Reads frames of `In` and writes frames of `Out`.
pub struct FrameCodec<In, Out> {
    messages: PhantomData<fn(Out) -> In>,
}

/// What can be wrong with a peer's bytes.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The length prefix is beyond [`MAX_FRAME`]: the peer does not speak this protocol.
    #[error("frame of {0} bytes is longer than the limit of {MAX_FRAME}")]
    TooLong(usize),
    /// The bytes are not the message that belongs here.
    #[error("decode frame")]
    Decode(#[from] prost::DecodeError),
    /// The transport failed.
    #[error("read or write frame")]
    Io(#[from] std::io::Error),
}

impl<In, Out> Default for FrameCodec<In, Out> {
    fn default() -> Self {
        FrameCodec { messages: PhantomData }
    }
}

impl<In: Message + Default, Out> Decoder for FrameCodec<In, Out> {
    type Item = In;
    type Error = FrameError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<In>, FrameError> {
        let Some(prefix) = src.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*prefix) as usize;
        if length > MAX_FRAME {
            return Err(FrameError::TooLong(length));
        }
        if src.len() < 4 + length {
            src.reserve(4 + length - src.len());
            return Ok(None);
        }
        src.advance(4);
        Ok(Some(In::decode(src.split_to(length).freeze())?))
    }
}

impl<In, Out: Message> Encoder<Out> for FrameCodec<In, Out> {
    type Error = FrameError;

    fn encode(&mut self, message: Out, dst: &mut BytesMut) -> Result<(), FrameError> {
        let length = message.encoded_len();
        let Some(prefix) = u32::try_from(length).ok().filter(|_| length <= MAX_FRAME) else {
            return Err(FrameError::TooLong(length));
        };
        dst.reserve(4 + length);
        dst.put_u32(prefix);
        message.encode_raw(dst);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FetchReply, FetchRequest};
    use proptest::prelude::*;

    fn encoded(task: u32) -> BytesMut {
        let mut bytes = BytesMut::new();
        FrameCodec::<FetchReply, FetchRequest>::default()
            .encode(FetchRequest { tasks: vec![task], ..FetchRequest::default() }, &mut bytes)
            .unwrap();
        bytes
    }

    #[test]
    fn a_frame_survives_any_cut() {
        let whole = encoded(300);
        for cut in 0..whole.len() {
            let mut codec = FrameCodec::<FetchRequest, FetchReply>::default();
            let mut src = BytesMut::from(&whole[..cut]);
            assert!(codec.decode(&mut src).unwrap().is_none());
            src.extend_from_slice(&whole[cut..]);
            assert_eq!(codec.decode(&mut src).unwrap().unwrap().tasks, [300]);
            assert!(src.is_empty());
        }
    }

    #[test]
    fn a_foreign_protocol_is_refused_by_its_length() {
        let mut src = BytesMut::from(&b"GET / HTTP/1.1\r\n"[..]);
        let error = FrameCodec::<FetchRequest, FetchReply>::default().decode(&mut src).unwrap_err();
        assert!(matches!(error, FrameError::TooLong(0x4745_5420)));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut src = BytesMut::from(&bytes[..]);
            let mut codec = FrameCodec::<crate::Hello, crate::Welcome>::default();
            while let Ok(Some(_)) = codec.decode(&mut src) {}
        }
    }
}
