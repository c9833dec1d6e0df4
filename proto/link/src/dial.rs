//! The dialing side.

use std::io;
use std::time::Duration;

use bobbin_proto::{
    DriverHello, FetchReply, FetchRequest, FrameCodec, FrameError, FromDriver, FromWorker, Hello, PROTOCOL_VERSION,
    PeerHello, ToDriver, ToWorker, Welcome, WorkerHello, hello,
};
use futures::{SinkExt, StreamExt};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::authority::NAME;
use crate::{AuthorityError, FetchConnection, HANDSHAKE_LIMIT, Identity, Link, Secret};

/// Dials parts of the application.
#[derive(Clone)]
pub struct Connector {
    tls: TlsConnector,
    secret: Secret,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// TCP failed.
    #[error("connect to {address}")]
    Connect {
        /// host:port that was dialed.
        address: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// TLS failed: not a part of this application, or not a bobbin at all.
    #[error("TLS handshake with {address}; is it a part of the application whose credentials these are?")]
    Tls {
        /// host:port that was dialed.
        address: String,
        /// What TLS said.
        #[source]
        source: io::Error,
    },
    /// The first frames could not be exchanged.
    #[error("exchange the first frames with {address}")]
    Frame {
        /// host:port that was dialed.
        address: String,
        /// What is wrong.
        #[source]
        source: FrameError,
    },
    /// No answer in time.
    #[error("{address} did not answer within {limit:?}")]
    Silent {
        /// host:port that was dialed.
        address: String,
        /// How long we waited.
        limit: Duration,
    },
    /// The other side sent us away.
    #[error("{address} refused us: {reason}")]
    Refused {
        /// host:port that was dialed.
        address: String,
        /// Its words.
        reason: String,
    },
    /// The other side speaks another version.
    #[error("{address} speaks protocol {theirs}, this build speaks {PROTOCOL_VERSION}")]
    Version {
        /// host:port that was dialed.
        address: String,
        /// Its version.
        theirs: u32,
    },
}

impl Connector {
    /// A connector that shows `identity`.
    pub fn new(identity: &Identity) -> Result<Self, AuthorityError> {
        Ok(Connector { tls: TlsConnector::from(identity.client_config()?), secret: identity.secret.clone() })
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

    async fn dial(&self, address: &str, role: hello::Role) -> Result<(Link<Welcome, Hello>, Welcome), DialError> {
        let name = || address.to_owned();
        match timeout(2 * HANDSHAKE_LIMIT, self.handshake(address, role)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(DialError::Silent { address: name(), limit: 2 * HANDSHAKE_LIMIT }),
        }
    }

    async fn handshake(&self, address: &str, role: hello::Role) -> Result<(Link<Welcome, Hello>, Welcome), DialError> {
        let name = || address.to_owned();
        let tcp = TcpStream::connect(address).await.map_err(|source| DialError::Connect { address: name(), source })?;
        let _ = tcp.set_nodelay(true);
        let server = ServerName::try_from(NAME).expect("the application's name is a valid DNS name");
        let stream =
            self.tls.connect(server, tcp).await.map_err(|source| DialError::Tls { address: name(), source })?;
        let mut link: Link<Welcome, Hello> = Link::new(stream.into(), FrameCodec::default());
        let hello = Hello {
            protocol_version: PROTOCOL_VERSION,
            secret: self.secret.as_bytes().to_vec().into(),
            build: env!("CARGO_PKG_VERSION").to_owned(),
            role: Some(role),
        };
        let frame = |source| DialError::Frame { address: name(), source };
        link.send(hello).await.map_err(frame)?;
        let closed = || FrameError::Io(io::Error::from(io::ErrorKind::UnexpectedEof));
        let welcome = link.next().await.unwrap_or_else(|| Err(closed())).map_err(frame)?;
        if !welcome.error.is_empty() {
            return Err(DialError::Refused { address: name(), reason: welcome.error });
        }
        if welcome.protocol_version != PROTOCOL_VERSION {
            return Err(DialError::Version { address: name(), theirs: welcome.protocol_version });
        }
        Ok((link, welcome))
    }
}
