//! Hadoop RPC version 9 over TCP: one connection, and a client that fails over between servers.

mod client;
mod connection;
mod dial;
mod error;
mod exception;
mod exchange;
mod method;
mod retry;

pub use client::{Client, Settings};
pub use connection::{Connection, Timeouts};
pub use error::{CallError, ConnectFailure, Failure, LostCause};
pub use exception::Exception;
pub use hadoop_wire::rpc::{Authentication, RemoteError};
pub use method::{Method, Service};
pub use retry::RetryPolicy;
