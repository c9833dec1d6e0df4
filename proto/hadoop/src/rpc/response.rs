//! Frames that a server sends: results and errors.

use std::fmt;

use bytes::Bytes;
use prost::Message;

use super::FrameError;
use crate::messages::common::{RpcErrorCode, RpcResponseHeader, RpcStatus};

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// The call succeeded; `body` is its response message.
    Success {
        /// Of the call that is answered.
        call_id: i32,
        /// An encoded response message.
        body: Bytes,
    },
    /// The call failed; when the error is fatal, the server closes the connection.
    Failure {
        /// Of the call that is answered; negative where no call is to blame.
        call_id: i32,
        /// What the server said.
        error: RemoteError,
    },
}

/// An exception that a server reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteError {
    /// Java class, such as `org.apache.hadoop.ipc.StandbyException`; what callers decide by.
    pub class: String,
    /// First line of the message; the Java stack trace that follows it is dropped.
    pub message: String,
    /// Which layer of the server failed, where it says so and we know the code.
    pub detail: Option<RpcErrorCode>,
    /// True when the server closes the connection.
    pub fatal: bool,
}

impl RemoteError {
    /// The class without its package.
    pub fn class_name(&self) -> &str {
        self.class.rsplit('.').next().unwrap_or(&self.class)
    }

    /// True when the exception is of this class, given in full.
    pub fn is(&self, class: &str) -> bool {
        self.class == class
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.class_name(), self.message.as_str()) {
            ("", "") => write!(formatter, "the server gave no reason"),
            ("", message) => write!(formatter, "{message}"),
            (class, "") => write!(formatter, "{class}"),
            (class, message) => write!(formatter, "{message} ({class})"),
        }
    }
}

impl std::error::Error for RemoteError {}

/// Reads one frame, as [`super::FrameSplitter`] yields it.
pub fn decode_response(mut frame: Bytes) -> Result<Response, FrameError> {
    let header = RpcResponseHeader::decode_length_delimited(&mut frame)
        .map_err(|source| FrameError::Malformed { what: "response header", source })?;
    let call_id = header.call_id.cast_signed();
    if header.status == RpcStatus::Success as i32 {
        return Ok(Response::Success { call_id, body: take_delimited(frame)? });
    }
    Ok(Response::Failure { call_id, error: remote_error(header) })
}

/// A status that we do not know is fatal: nothing may be assumed about the connection.
fn remote_error(header: RpcResponseHeader) -> RemoteError {
    let message = header.error_message.unwrap_or_default();
    RemoteError {
        class: header.exception_class_name.unwrap_or_default(),
        message: message.lines().next().unwrap_or_default().trim_end().to_owned(),
        detail: header.error_detail.and_then(|code| RpcErrorCode::try_from(code).ok()),
        fatal: header.status != RpcStatus::Error as i32,
    }
}

fn take_delimited(mut frame: Bytes) -> Result<Bytes, FrameError> {
    let length = prost::decode_length_delimiter(&mut frame)
        .map_err(|source| FrameError::Malformed { what: "length of the response body", source })?;
    if length > frame.len() {
        return Err(FrameError::Short { announced: length, left: frame.len() });
    }
    Ok(frame.split_to(length))
}
