//! The dialing side: over the network, or to a socket of this machine.

use std::io;
use std::time::Duration;

use bobbin_proto::{
    DriverHello, FetchReply, FetchRequest, FrameCodec, FrameError, FromDriver, FromWorker, Hello, PROTOCOL_VERSION,
    PeerHello, SessionStatus, ToDriver, ToWorker, WatcherHello, Welcome, WorkerHello, hello,
};
use futures::{SinkExt, StreamExt};
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::authority::NAME;
use crate::{AuthorityError, FetchConnection, HANDSHAKE_LIMIT, Identity, Link, Secret, Stream};

/// Dials parts of the application.
#[derive(Clone)]
pub struct Connector(Way);

#[derive(Clone)]
enum Way {
    /// Addresses are host:port.
    Network { tls: TlsConnector, secret: Secret },
    /// Addresses are paths of sockets, which processes of this user serve.
    Machine { user: u32 },
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// TCP failed, or nobody serves the socket.
    #[error("connect to {address}")]
    Connect {
        /// host:port, or the socket, that was dialed.
        address: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// TLS failed: not a part of this application, or not a bobbin at all.
    #[error("TLS handshake with {address}; is it a part of the application whose credentials these are?")]
    Tls {
        /// host:port, or the socket, that was dialed.
        address: String,
        /// What TLS said.
        #[source]
        source: io::Error,
    },
    /// Somebody else serves the socket.
    #[error("{address} is served by a process of user {theirs}, not of user {ours}: it was not asked anything")]
    User {
        /// The socket that was dialed.
        address: String,
        /// Whose process it is.
        theirs: u32,
        /// Who we are.
        ours: u32,
    },
    /// The first frames could not be exchanged.
    #[error("exchange the first frames with {address}")]
    Frame {
        /// host:port, or the socket, that was dialed.
        address: String,
        /// What is wrong.
        #[source]
        source: FrameError,
    },
    /// No answer in time.
    #[error("{address} did not answer within {limit:?}")]
    Silent {
        /// host:port, or the socket, that was dialed.
        address: String,
        /// How long we waited.
        limit: Duration,
    },
    /// The other side sent us away.
    #[error("{address} refused us: {reason}")]
    Refused {
        /// host:port, or the socket, that was dialed.
        address: String,
        /// Its words.
        reason: String,
    },
    /// The other side speaks another version.
    #[error("{address} speaks protocol {theirs}, this build speaks {PROTOCOL_VERSION}")]
    Version {
        /// host:port, or the socket, that was dialed.
        address: String,
        /// Its version.
        theirs: u32,
    },
}

impl Connector {
    /// A connector that shows `identity`.
    pub fn new(identity: &Identity) -> Result<Self, AuthorityError> {
        let (tls, secret) = (TlsConnector::from(identity.client_config()?), identity.secret.clone());
        Ok(Connector(Way::Network { tls, secret }))
    }

    /// A connector of a process of this user to others of theirs on this machine: addresses are paths of sockets.
    pub fn of_user(user: u32) -> Self {
        Connector(Way::Machine { user })
    }

    /// Connects a worker to the application master at `address` (host:port).
    pub async fn dial_as_worker(
        &self,
        address: &str,
        worker: WorkerHello,
    ) -> Result<(Link<ToWorker, FromWorker>, Welcome), DialError> {
        let (link, welcome) = self.dial(address, hello::Role::Worker(worker)).await?;
        Ok((link.map_codec(|_| FrameCodec::default()), welcome))
    }

    /// Connects a driver to the application master at `address` (host:port).
    pub async fn dial_as_driver(
        &self,
        address: &str,
        driver: DriverHello,
    ) -> Result<(Link<ToDriver, FromDriver>, Welcome), DialError> {
        let (link, welcome) = self.dial(address, hello::Role::Driver(driver)).await?;
        Ok((link.map_codec(|_| FrameCodec::default()), welcome))
    }

    /// Connects to a worker at `address` (host:port) to fetch results.
    pub async fn dial_as_peer(&self, address: &str) -> Result<FetchConnection, DialError> {
        let (link, _) = self.dial(address, hello::Role::Peer(PeerHello {})).await?;
        let link: Link<FetchReply, FetchRequest> = link.map_codec(|_| FrameCodec::default());
        Ok(FetchConnection::new(link))
    }

    /// Asks the session on this machine that serves the socket at `address` how it is.
    ///
    /// # Errors
    /// When nobody answers there.
    pub async fn ask_status(&self, address: &str) -> Result<SessionStatus, DialError> {
        let (link, _) = self.dial(address, hello::Role::Watcher(WatcherHello {})).await?;
        let mut link: Link<SessionStatus, WatcherHello> = link.map_codec(|_| FrameCodec::default());
        let frame = |source| DialError::Frame { address: address.to_owned(), source };
        match timeout(HANDSHAKE_LIMIT, link.next()).await {
            Ok(status) => status.unwrap_or_else(|| Err(closed())).map_err(frame),
            Err(_) => Err(DialError::Silent { address: address.to_owned(), limit: HANDSHAKE_LIMIT }),
        }
    }

    async fn dial(&self, address: &str, role: hello::Role) -> Result<(Link<Welcome, Hello>, Welcome), DialError> {
        let name = || address.to_owned();
        match timeout(2 * HANDSHAKE_LIMIT, self.handshake(address, role)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(DialError::Silent { address: name(), limit: 2 * HANDSHAKE_LIMIT }),
        }
    }

    async fn handshake(&self, address: &str, role: hello::Role) -> Result<(Link<Welcome, Hello>, Welcome), DialError> {
        let name = || address.to_owned();
        let stream = self.connect(address).await?;
        let mut link: Link<Welcome, Hello> = Link::new(stream, FrameCodec::default());
        let hello = Hello {
            protocol_version: PROTOCOL_VERSION,
            secret: self.secret().to_vec().into(),
            build: env!("CARGO_PKG_VERSION").to_owned(),
            role: Some(role),
        };
        let frame = |source| DialError::Frame { address: name(), source };
        link.send(hello).await.map_err(frame)?;
        let welcome = link.next().await.unwrap_or_else(|| Err(closed())).map_err(frame)?;
        if !welcome.error.is_empty() {
            return Err(DialError::Refused { address: name(), reason: welcome.error });
        }
        if welcome.protocol_version != PROTOCOL_VERSION {
            return Err(DialError::Version { address: name(), theirs: welcome.protocol_version });
        }
        Ok((link, welcome))
    }

    fn secret(&self) -> &[u8] {
        match &self.0 {
            Way::Network { secret, .. } => secret.as_bytes(),
            Way::Machine { .. } => &[],
        }
    }

    /// A stream to somebody who has proved to be what was asked for.
    async fn connect(&self, address: &str) -> Result<Stream, DialError> {
        let name = || address.to_owned();
        let unreachable = |source| DialError::Connect { address: name(), source };
        match &self.0 {
            Way::Network { tls, .. } => {
                let tcp = TcpStream::connect(address).await.map_err(unreachable)?;
                let _ = tcp.set_nodelay(true);
                let server = ServerName::try_from(NAME).expect("the application's name is a valid DNS name");
                let stream = tls.connect(server, tcp).await;
                let stream = stream.map_err(|source| DialError::Tls { address: name(), source })?;
                Ok(Stream::Tls(Box::new(stream.into())))
            }
            Way::Machine { user } => {
                let socket = UnixStream::connect(address).await.map_err(unreachable)?;
                let theirs = socket.peer_cred().map_err(unreachable)?.uid();
                if theirs != *user {
                    return Err(DialError::User { address: name(), theirs, ours: *user });
                }
                Ok(Stream::Socket(socket))
            }
        }
    }
}

fn closed() -> FrameError {
    FrameError::Io(io::Error::from(io::ErrorKind::UnexpectedEof))
}
