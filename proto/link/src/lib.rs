//! Connections between the parts of one application, carrying `bobbin-proto` frames: mutual TLS, or a Unix socket.
//!
//! Every application has its own certificate [`Authority`] and [`Secret`]. Whoever dials shows a certificate of that
//! authority and, in its first frame, the secret; whoever is dialed checks both before it believes a byte:
//!
//! ```text
//! dialer                         dialed
//!   | -- TLS, both certificates --> |
//!   | -- Hello (version, secret) -> |   wrong: Welcome with an error, closed
//!   | <- Welcome ------------------ |
//!   | == frames of the role ======= |
//! ```
//!
//! On one machine a Unix socket takes the place of TLS, and the user whose process is at the other end that of certificates
//! and secret: what follows is the same.
//!
//! Certificates carry no host names: containers run where YARN puts them, and only this application's parts have
//! certificates of its authority.

mod accept;
mod authority;
mod dial;
mod fetch;
mod listen;
mod patience;
mod pump;
mod secret;
mod strand;
mod stream;

pub use accept::{AcceptError, Accepted, Acceptor, Pending, Role, UserAcceptor};
pub use authority::{Authority, AuthorityError, Identity};
pub use dial::{Connector, DialError};
pub use fetch::{Body, FetchConnection, FetchError, FetchServer, Whole};
pub use listen::{ListenError, PortRange, listen};
pub use patience::Patience;
pub use pump::{LinkEnd, Pump, pump};
pub use secret::Secret;
pub use strand::{Ending, Panicked, Strand, spawn};
pub use stream::{Peer, Stream};

use bobbin_proto::FrameCodec;
use tokio_util::codec::Framed;

/// An established connection that receives `In` and sends `Out`. Split it with `futures::StreamExt::split` to read and
/// write from two tasks.
pub type Link<In, Out> = Framed<Stream, FrameCodec<In, Out>>;

/// Longest silence on a connection before either side calls the other gone, milliseconds. Both send a heartbeat four
/// times in that time.
pub const SILENCE_LIMIT_MS: u32 = 20_000;

/// How long a peer may take for TLS and its first frame.
pub const HANDSHAKE_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);
