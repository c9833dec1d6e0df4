//! The dialed side: TLS or the user at the other end, the first frame, and what follows from its role.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bobbin_proto::{
    DriverHello, FrameCodec, FrameError, FromDriver, FromWorker, Hello, PROTOCOL_VERSION, SessionStatus, ToDriver,
    ToWorker, WatcherHello, Welcome, WorkerHello, hello,
};
use futures::{SinkExt, StreamExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::{AuthorityError, FetchServer, HANDSHAKE_LIMIT, Identity, Link, Peer, SILENCE_LIMIT_MS, Secret, Stream};

/// Turns accepted TCP connections into checked links.
#[derive(Clone)]
pub struct Acceptor {
    tls: TlsAcceptor,
    secret: Secret,
}

/// Turns connections of a Unix socket into checked links: whoever runs as the user belongs here.
#[derive(Clone, Copy, Debug)]
pub struct UserAcceptor {
    user: u32,
}

/// Who dialed.
#[derive(Debug)]
pub enum Role {
    /// A worker, with its introduction.
    Worker(WorkerHello),
    /// A driver, with its introduction.
    Driver(DriverHello),
    /// Somebody who wants results.
    Peer,
    /// Somebody who asks how the session is.
    Watcher,
}

/// A peer that has proved that it belongs to the application and waits for its welcome.
pub struct Pending {
    /// Who it says it is.
    pub role: Role,
    /// Where it dialed from.
    pub peer: Peer,
    link: Link<Hello, Welcome>,
}

/// A welcomed connection.
pub enum Accepted {
    /// A worker's.
    Worker(Box<Link<FromWorker, ToWorker>>),
    /// A driver's.
    Driver(Box<Link<FromDriver, ToDriver>>),
    /// Of somebody who fetches results.
    Peer(Box<FetchServer>),
    /// Of somebody who is told once how the session is.
    Watcher(Box<Link<WatcherHello, SessionStatus>>),
}

/// Why a connection was refused. All of these close it; none harms the application.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// No TLS, or no certificate of our authority.
    #[error("TLS handshake with {peer}")]
    Tls {
        /// Who dialed.
        peer: Peer,
        /// What TLS said.
        #[source]
        source: io::Error,
    },
    /// The first frame is not one of ours.
    #[error("read the first frame of {peer}")]
    Frame {
        /// Who dialed.
        peer: Peer,
        /// What is wrong with it.
        #[source]
        source: FrameError,
    },
    /// The peer closed, or took longer than the handshake may.
    #[error("{peer} sent no first frame")]
    Silent {
        /// Who dialed.
        peer: Peer,
    },
    /// The peer does not know the application's secret.
    #[error("{peer} does not know the application's secret")]
    Secret {
        /// Who dialed.
        peer: Peer,
    },
    /// A process of another user.
    #[error("{peer} is of user {theirs}, and only those of user {ours} belong here")]
    User {
        /// Who dialed.
        peer: Peer,
        /// Its user.
        theirs: u32,
        /// Ours.
        ours: u32,
    },
    /// The system does not say whose process it is.
    #[error("ask the system whose process has connected")]
    Nobody(#[source] io::Error),
    /// The peer speaks another version.
    #[error("{peer} (build {build}) speaks protocol {theirs}, this build {} speaks {PROTOCOL_VERSION}", env!("CARGO_PKG_VERSION"))]
    Version {
        /// Who dialed.
        peer: Peer,
        /// Its version.
        theirs: u32,
        /// Its build.
        build: String,
    },
    /// The first frame names no role.
    #[error("{peer} named no role")]
    NoRole {
        /// Who dialed.
        peer: Peer,
    },
}

impl Acceptor {
    /// An acceptor that shows `identity` and expects its authority and secret from others.
    pub fn new(identity: &Identity) -> Result<Self, AuthorityError> {
        Ok(Acceptor { tls: TlsAcceptor::from(identity.server_config()?), secret: identity.secret.clone() })
    }

    /// Does the handshake and reads and checks the first frame; takes at most twice [`HANDSHAKE_LIMIT`].
    pub async fn accept(&self, tcp: TcpStream, peer: SocketAddr) -> Result<Pending, AcceptError> {
        // Small messages both ways: waiting for more to send would only add latency.
        let _ = tcp.set_nodelay(true);
        let peer = Peer::Host(peer);
        let stream = match timeout(HANDSHAKE_LIMIT, self.tls.accept(tcp)).await {
            Ok(Ok(stream)) => Stream::Tls(Box::new(stream.into())),
            Ok(Err(source)) => return Err(AcceptError::Tls { peer, source }),
            Err(_) => return Err(AcceptError::Silent { peer }),
        };
        let knows = |hello: &Hello| {
            if self.secret.matches(&hello.secret) { Ok(()) } else { Err(AcceptError::Secret { peer }) }
        };
        greet(stream, peer, knows).await
    }
}

impl UserAcceptor {
    /// An acceptor of this user's processes.
    pub fn new(user: u32) -> Self {
        UserAcceptor { user }
    }

    /// Asks the system who dialed, and reads and checks the first frame; takes at most twice [`HANDSHAKE_LIMIT`].
    ///
    /// # Errors
    /// Another user's process, or one that does not speak as we do: it is told why.
    pub async fn accept(&self, socket: UnixStream) -> Result<Pending, AcceptError> {
        let credentials = socket.peer_cred().map_err(AcceptError::Nobody)?;
        let (peer, theirs, ours) = (Peer::Process(credentials.pid()), credentials.uid(), self.user);
        let stream = Stream::Socket(socket);
        if theirs != ours {
            let error = AcceptError::User { peer, theirs, ours };
            refuse(&mut Link::new(stream, FrameCodec::default()), error.to_string()).await;
            return Err(error);
        }
        greet(stream, peer, |_| Ok(())).await
    }
}

/// Reads and checks the first frame; `knows` says whether it shows what it has to.
async fn greet(
    stream: Stream,
    peer: Peer,
    knows: impl Fn(&Hello) -> Result<(), AcceptError>,
) -> Result<Pending, AcceptError> {
    let mut link: Link<Hello, Welcome> = Link::new(stream, FrameCodec::default());
    let hello = match timeout(HANDSHAKE_LIMIT, link.next()).await {
        Ok(Some(Ok(hello))) => hello,
        Ok(Some(Err(source))) => return Err(AcceptError::Frame { peer, source }),
        Ok(None) | Err(_) => return Err(AcceptError::Silent { peer }),
    };
    match knows(&hello).and_then(|()| role(hello, peer)) {
        Ok(role) => Ok(Pending { role, peer, link }),
        Err(error) => {
            refuse(&mut link, error.to_string()).await;
            Err(error)
        }
    }
}

fn role(hello: Hello, peer: Peer) -> Result<Role, AcceptError> {
    if hello.protocol_version != PROTOCOL_VERSION {
        return Err(AcceptError::Version { peer, theirs: hello.protocol_version, build: hello.build });
    }
    match hello.role {
        Some(hello::Role::Worker(worker)) => Ok(Role::Worker(worker)),
        Some(hello::Role::Driver(driver)) => Ok(Role::Driver(driver)),
        Some(hello::Role::Peer(_)) => Ok(Role::Peer),
        Some(hello::Role::Watcher(_)) => Ok(Role::Watcher),
        None => Err(AcceptError::NoRole { peer }),
    }
}

async fn refuse(link: &mut Link<Hello, Welcome>, error: String) {
    let welcome = Welcome { protocol_version: PROTOCOL_VERSION, error, ..Welcome::default() };
    // The peer may be gone already; it is refused either way.
    let _ = timeout(HANDSHAKE_LIMIT, link.send(welcome)).await;
}

impl Pending {
    /// Lets the peer in. `worker_id` is the number that a worker gets (0 for others), `master` that of the application master
    /// (0 of a worker).
    pub async fn welcome(
        mut self,
        application_id: &Arc<str>,
        (worker_id, master): (u32, u32),
    ) -> Result<Accepted, AcceptError> {
        let welcome = Welcome {
            protocol_version: PROTOCOL_VERSION,
            application_id: application_id.to_string(),
            error: String::new(),
            worker_id,
            silence_limit_ms: SILENCE_LIMIT_MS,
            master,
        };
        let peer = self.peer;
        match timeout(HANDSHAKE_LIMIT, self.link.send(welcome)).await {
            Ok(Ok(())) => {}
            Ok(Err(source)) => return Err(AcceptError::Frame { peer, source }),
            Err(_) => return Err(AcceptError::Silent { peer }),
        }
        Ok(match self.role {
            Role::Worker(_) => Accepted::Worker(Box::new(self.link.map_codec(|_| FrameCodec::default()))),
            Role::Driver(_) => Accepted::Driver(Box::new(self.link.map_codec(|_| FrameCodec::default()))),
            Role::Peer => Accepted::Peer(Box::new(FetchServer::new(self.link.map_codec(|_| FrameCodec::default())))),
            Role::Watcher => Accepted::Watcher(Box::new(self.link.map_codec(|_| FrameCodec::default()))),
        })
    }

    /// Sends the peer away with a reason.
    pub async fn refuse(mut self, reason: impl Into<String>) {
        refuse(&mut self.link, reason.into()).await;
    }
}
