//! The task that owns a client's connection: it dials the servers in turn and hands the one live connection to all callers.
//!
//! Callers that find the connection spoiled say so by its generation; the first of them moves the client to the next server,
//! the others get what that one found. A dial that fails answers everybody who waited for it.

use std::sync::Arc;

use hadoop_wire::rpc::Authentication;
use tokio::sync::{mpsc, oneshot};

use super::client::Settings;
use super::connection::Connection;
use super::error::ConnectFailure;
use super::retry::{Advice, advise_connect};
use crate::server::Server;

/// A connection with the number that tells it from those before and after it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) generation: u64,
    pub(super) connection: Connection,
}

/// No connection to this server.
#[derive(Clone, Debug)]
pub(super) struct NoLine {
    pub(super) server: Arc<Server>,
    pub(super) failure: Arc<ConnectFailure>,
}

type LineReply = oneshot::Sender<Result<Line, NoLine>>;

/// What callers ask of the dialer.
#[derive(Debug)]
pub(super) enum Request {
    /// A live connection, other than the spoiled one.
    Line { spoiled: Option<u64>, reply: LineReply },
    /// Later connections authenticate with this.
    Authenticate(Authentication),
}

/// The dialer's whole state; it ends when its client is dropped.
pub(super) struct Dialer {
    servers: Vec<Arc<Server>>,
    settings: Settings,
    current: usize,
    generation: u64,
    line: Option<Line>,
}

impl Dialer {
    /// `servers` holds at least one.
    pub(super) fn new(servers: Vec<Arc<Server>>, settings: Settings) -> Dialer {
        Dialer { servers, settings, current: 0, generation: 0, line: None }
    }

    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(request) = requests.recv().await {
            match request {
                Request::Authenticate(authentication) => self.authenticate(authentication),
                Request::Line { spoiled, reply } => {
                    if reply.is_closed() {
                        continue;
                    }
                    let outcome = self.line(spoiled).await;
                    if let Err(no_line) = &outcome {
                        self.answer_waiting(&mut requests, no_line);
                    }
                    // A caller that left meanwhile needs no answer.
                    let _ = reply.send(outcome);
                }
            }
        }
    }

    fn authenticate(&mut self, authentication: Authentication) {
        self.settings.authentication = authentication;
    }

    /// Everybody who came during a dial that failed gets the same answer, instead of a dial of his own.
    fn answer_waiting(&mut self, requests: &mut mpsc::Receiver<Request>, no_line: &NoLine) {
        while let Ok(request) = requests.try_recv() {
            match request {
                Request::Authenticate(authentication) => self.authenticate(authentication),
                Request::Line { reply, .. } => {
                    let _ = reply.send(Err(no_line.clone()));
                }
            }
        }
    }

    async fn line(&mut self, spoiled: Option<u64>) -> Result<Line, NoLine> {
        if spoiled.is_some() && spoiled == self.line.as_ref().map(|line| line.generation) {
            self.line = None;
            self.advance();
        }
        if let Some(line) = &self.line
            && !line.connection.is_closed()
        {
            return Ok(line.clone());
        }
        self.dial().await
    }

    async fn dial(&mut self) -> Result<Line, NoLine> {
        self.line = None;
        let server = self.servers[self.current].clone();
        match Connection::open(server.clone(), &self.settings).await {
            Ok(connection) => {
                tracing::debug!(%server, "connected");
                self.generation += 1;
                let line = Line { generation: self.generation, connection };
                self.line = Some(line.clone());
                Ok(line)
            }
            Err(failure) => {
                if advise_connect(&failure) == Advice::NextServer {
                    self.advance();
                }
                Err(NoLine { server, failure: Arc::new(failure) })
            }
        }
    }

    fn advance(&mut self) {
        self.current = (self.current + 1) % self.servers.len();
    }
}
