//! One TCP connection to one server: dialled, authenticated, then shared by any number of calls at once.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hadoop_wire::rpc::{CallHeader, ClientId, FrameSplitter, Handshake, HandshakeError, MAX_FRAME, Step, encode_call};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::client::Settings;
use super::error::{ConnectFailure, Failure, LostCause};
use super::exchange::{Call, Exchange};
use super::method::Service;
use crate::hosts::resolve;
use crate::server::Server;

/// Calls that may wait for the connection's task; further callers wait in line.
const QUEUE: usize = 64;

/// How long the steps of one attempt may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To connect to one address, and again to authenticate.
    pub connect: Duration,
    /// From a call to its answer.
    pub call: Duration,
    /// A connection without calls is closed after this.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(5),
            call: Duration::from_secs(60),
            // Longer than an idle application master's heartbeat, shorter than most firewalls' memory.
            idle: Duration::from_secs(60),
        }
    }
}

/// A live connection; cheap to clone. It closes when its last clone is dropped, or when idle.
#[derive(Clone, Debug)]
pub struct Connection {
    server: Arc<Server>,
    service: Service,
    client: ClientId,
    calls: mpsc::Sender<Call>,
    next_call: Arc<AtomicI32>,
    /// A call was not answered in time: whoever still waits may go on, nobody else should begin.
    silent: Arc<AtomicBool>,
    patience: Duration,
}

impl Connection {
    /// Connects to the first of the server's addresses that answers, and authenticates.
    ///
    /// # Errors
    /// See [`ConnectFailure`]; with several addresses, the last one's failure.
    pub async fn open(server: Arc<Server>, settings: &Settings) -> Result<Connection, ConnectFailure> {
        let Settings { service, authentication, timeouts, .. } = settings;
        let mut stream = dial(&server, timeouts.connect).await?;
        let client = ClientId::new(random()?);
        let nonce = u128::from_be_bytes(random()?);
        let mut handshake =
            Handshake::new(authentication.clone(), service.protocol, client.clone(), format!("{nonce:032x}"));
        let mut frames = FrameSplitter::default();
        let (send, wrap) = timeout(timeouts.connect, shake_hands(&mut handshake, &mut stream, &mut frames))
            .await
            .map_err(|_| ConnectFailure::Silent(timeouts.connect))??;

        let (calls, receiver) = mpsc::channel(QUEUE);
        let exchange = Exchange::new(authentication.clone(), wrap, frames, send, timeouts.idle);
        tokio::spawn(exchange.run(stream, receiver));
        Ok(Connection {
            server,
            service: *service,
            client,
            calls,
            next_call: Arc::default(),
            silent: Arc::default(),
            patience: timeouts.call,
        })
    }

    /// The server at the other end.
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// True when no further call should use it.
    pub fn is_closed(&self) -> bool {
        self.calls.is_closed() || self.silent.load(Ordering::Relaxed)
    }

    /// Calls a method and waits for the bytes of its answer.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn call(&self, method: &'static str, request: &impl Message) -> Result<Bytes, Failure> {
        let length = request.encoded_len();
        if length >= MAX_FRAME {
            return Err(Failure::TooLong(length));
        }
        let call_id = self.next_call.fetch_add(1, Ordering::Relaxed) & i32::MAX;
        let header = CallHeader { protocol: self.service.protocol, method, call_id, retry_count: 0 };
        let frame = encode_call(&self.client, header, request);
        match timeout(self.patience, self.exchange(call_id, frame)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                self.silent.store(true, Ordering::Relaxed);
                Err(Failure::Silent(self.patience))
            }
        }
    }

    async fn exchange(&self, call_id: i32, frame: Bytes) -> Result<Bytes, Failure> {
        let (reply, answer) = oneshot::channel();
        let lost = |sent| Failure::Lost { sent, source: Arc::new(LostCause::Closed) };
        self.calls.send(Call { call_id, frame, reply }).await.map_err(|_| lost(false))?;
        // The connection's task answers every call that it took, unless the runtime is being shut down.
        answer.await.unwrap_or_else(|_| Err(lost(true)))
    }
}

async fn dial(server: &Server, patience: Duration) -> Result<TcpStream, ConnectFailure> {
    let addresses = timeout(patience, resolve(&server.host, server.port))
        .await
        .map_err(|_| ConnectFailure::Silent(patience))?
        .map_err(ConnectFailure::Resolve)?;
    let mut failure = ConnectFailure::NoServer;
    for address in addresses {
        match dial_address(address, patience).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn dial_address(address: SocketAddr, patience: Duration) -> Result<TcpStream, ConnectFailure> {
    let stream = timeout(patience, TcpStream::connect(address))
        .await
        .map_err(|_| ConnectFailure::Silent(patience))?
        .map_err(connect_failure)?;
    stream.set_nodelay(true).map_err(ConnectFailure::Io)?;
    Ok(stream)
}

fn connect_failure(error: io::Error) -> ConnectFailure {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        return ConnectFailure::Refused;
    }
    ConnectFailure::Io(error)
}

/// Runs the handshake to its end; the last bytes to send are left to the connection's task, which sends them with the first call.
async fn shake_hands(
    handshake: &mut Handshake,
    stream: &mut TcpStream,
    frames: &mut FrameSplitter,
) -> Result<(Bytes, hadoop_wire::rpc::Wrap), ConnectFailure> {
    let mut step = handshake.start();
    loop {
        match step {
            Step::Done { send, wrap } => return Ok((send, wrap)),
            Step::Continue(bytes) => {
                stream.write_all(&bytes).await.map_err(ConnectFailure::Io)?;
                let frame = read_frame(stream, frames).await?;
                step = handshake.receive(frame).map_err(ConnectFailure::SetUp)?;
            }
        }
    }
}

async fn read_frame(stream: &mut TcpStream, frames: &mut FrameSplitter) -> Result<Bytes, ConnectFailure> {
    let mut received = BytesMut::new();
    loop {
        let frame = frames.next_frame().map_err(|error| ConnectFailure::SetUp(HandshakeError::Frame(error)))?;
        if let Some(frame) = frame {
            return Ok(frame);
        }
        received.clear();
        if stream.read_buf(&mut received).await.map_err(ConnectFailure::Io)? == 0 {
            return Err(ConnectFailure::Closed);
        }
        frames.push(&received);
    }
}

fn random() -> Result<[u8; 16], ConnectFailure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(ConnectFailure::Random)?;
    Ok(bytes)
}
