//! Why a call brought no answer: every failure names the server, the configuration key of its address, and the way out.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hadoop_wire::rpc::{FrameError, HandshakeError, RemoteError};

use super::exception::Exception;
use crate::hosts::ResolveError;
use crate::server::Server;

/// A call that failed for good.
#[derive(Debug)]
pub struct CallError {
    /// The remote procedure.
    pub method: &'static str,
    /// The server that was asked last.
    pub server: Arc<Server>,
    /// How many attempts were made, over all servers.
    pub attempts: u32,
    /// For how long.
    pub elapsed: Duration,
    /// What the last attempt ended with.
    pub failure: Failure,
}

impl CallError {
    /// What the server answered, when it did answer with an exception.
    pub fn remote(&self) -> Option<&RemoteError> {
        self.failure.remote()
    }

    /// What that exception means.
    pub fn exception(&self) -> Option<Exception> {
        self.remote().map(Exception::of)
    }

    /// True when no server could be reached at all.
    pub fn is_unreachable(&self) -> bool {
        matches!(&self.failure, Failure::Connect(failure) if failure.is_unreachable())
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            Failure::Connect(_) => write!(formatter, "connect to {}", self.server)?,
            Failure::Remote(_)
            | Failure::Lost { .. }
            | Failure::Silent(_)
            | Failure::Answer(_)
            | Failure::Incomplete(_)
            | Failure::TooLong(_)
            | Failure::Unfinished => write!(formatter, "{} of {}", self.method, self.server)?,
        }
        if self.attempts > 1 {
            write!(formatter, ", {} attempts in {:.1} s", self.attempts, self.elapsed.as_secs_f64())?;
        }
        Ok(())
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.failure)
    }
}

/// What one attempt of a call ended with.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No connection; nothing was sent.
    #[error(transparent)]
    Connect(Arc<ConnectFailure>),
    /// The server answered with an exception.
    #[error(transparent)]
    Remote(RemoteError),
    /// The connection ended before the answer.
    #[error("the connection ended {} was sent", if *sent { "after the call" } else { "before the call" })]
    Lost {
        /// True when the server may have seen the call.
        sent: bool,
        /// How the connection ended.
        #[source]
        source: Arc<LostCause>,
    },
    /// The server accepted the call and says nothing.
    #[error("no answer for {:.1} s; the server hangs or the network drops packets", .0.as_secs_f64())]
    Silent(Duration),
    /// The answer is not the message that the method returns.
    #[error("the answer does not parse")]
    Answer(#[source] prost::DecodeError),
    /// The answer lacks a field that Hadoop always fills.
    #[error("the answer lacks its field {0}")]
    Incomplete(&'static str),
    /// The request is longer than Hadoop's servers accept.
    #[error("the request has {0} bytes, more than Hadoop's servers accept (ipc.maximum.data.length)")]
    TooLong(usize),
    /// The server began what was asked and did not finish it in the time given.
    #[error("not finished in time; the server goes on with it")]
    Unfinished,
}

impl Failure {
    /// What the server answered, when it did answer with an exception.
    pub fn remote(&self) -> Option<&RemoteError> {
        match self {
            Failure::Remote(error) => Some(error),
            Failure::Connect(failure) => failure.remote(),
            Failure::Lost { .. }
            | Failure::Silent(_)
            | Failure::Answer(_)
            | Failure::Incomplete(_)
            | Failure::TooLong(_)
            | Failure::Unfinished => None,
        }
    }
}

/// How a connection that stood has ended.
#[derive(Debug, thiserror::Error)]
pub enum LostCause {
    /// The server closed it.
    #[error("the server closed the connection; is it going down, or is this not its RPC port?")]
    Closed,
    /// We closed it: nobody had used it for a while.
    #[error("the connection was idle and is closed")]
    Unused,
    /// The network failed.
    #[error("the network failed")]
    Io(#[source] io::Error),
    /// The server sent what is not RPC.
    #[error("the server's bytes are no RPC answer")]
    Garbled(#[source] FrameError),
    /// The server gave up the connection over one call.
    #[error("the server gave up the connection")]
    Fatal(#[source] RemoteError),
}

/// Why there is no connection to a server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectFailure {
    /// The host has no address.
    #[error(transparent)]
    Resolve(ResolveError),
    /// Nobody listens there.
    #[error("connection refused; is it running, and does the address name its RPC port?")]
    Refused,
    /// Nothing came back.
    #[error("no answer for {:.1} s; is the host up, and does a firewall drop packets to this port?", .0.as_secs_f64())]
    Silent(Duration),
    /// The server hung up while the connection was being set up.
    #[error("the server closed the connection while it was being set up; is this its RPC port?")]
    Closed,
    /// The operating system refused.
    #[error("the network failed")]
    Io(#[source] io::Error),
    /// The server refused us, or the two sides do not agree how to talk.
    #[error(transparent)]
    SetUp(HandshakeError),
    /// The configuration names no server.
    #[error("the configuration names no server for it")]
    NoServer,
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    Random(#[source] getrandom::Error),
}

impl ConnectFailure {
    /// What the server answered, when it did answer with an exception.
    pub fn remote(&self) -> Option<&RemoteError> {
        match self {
            ConnectFailure::SetUp(HandshakeError::Refused(error)) => Some(error),
            ConnectFailure::Resolve(_)
            | ConnectFailure::Refused
            | ConnectFailure::Silent(_)
            | ConnectFailure::Closed
            | ConnectFailure::Io(_)
            | ConnectFailure::SetUp(_)
            | ConnectFailure::NoServer
            | ConnectFailure::Random(_) => None,
        }
    }

    /// True when the server could not be reached, as opposed to reached and in disagreement with us.
    pub fn is_unreachable(&self) -> bool {
        match self {
            ConnectFailure::Resolve(_)
            | ConnectFailure::Refused
            | ConnectFailure::Silent(_)
            | ConnectFailure::Closed
            | ConnectFailure::Io(_) => true,
            ConnectFailure::SetUp(_) | ConnectFailure::NoServer | ConnectFailure::Random(_) => false,
        }
    }
}
