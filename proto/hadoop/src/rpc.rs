//! Hadoop RPC, version 9: what a client writes to a connection and how it reads the answers.
//!
//! A connection is: [`Handshake::start`] and [`Handshake::receive`] until [`Step::Done`], then frames of
//! [`encode_call`] out and frames for [`decode_response`] in, both through the [`Wrap`] that the handshake agreed on.
//! [`FrameSplitter`] cuts the received bytes into frames.

mod frames;
mod handshake;
mod request;
mod response;
mod wrap;

pub use frames::{FrameError, FrameSplitter, MAX_FRAME};
pub use handshake::{Authentication, Handshake, HandshakeError, Step};
pub use request::{CallHeader, ClientId, encode_call, encode_ping};
pub use response::{RemoteError, Response, decode_response};
pub use wrap::Wrap;

/// Call id of SASL messages.
pub const CALL_ID_SASL: i32 = -33;
/// Call id of the connection context.
pub const CALL_ID_CONTEXT: i32 = -3;
/// Call id of a ping, which nobody answers.
pub const CALL_ID_PING: i32 = -4;
/// Call id of the server's answer to a connection that it does not authorize.
pub const CALL_ID_UNAUTHORIZED: i32 = -1;
/// Call id of the server's answer to something that it could not read.
pub const CALL_ID_INVALID: i32 = -2;
