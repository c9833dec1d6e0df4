//! A service behind one or several servers: typed calls with fail-over and bounded, growing retries.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hadoop_wire::rpc::Authentication;
use prost::Message;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::connection::Timeouts;
use super::dial::{Dialer, Line, NoLine, Request};
use super::error::{CallError, ConnectFailure, Failure};
use super::method::{Method, Service};
use super::retry::{Attempts, RetryPolicy};
use crate::server::Server;

/// How a client talks to its servers.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The interface that it calls.
    pub service: Service,
    /// Who it is.
    pub authentication: Authentication,
    /// How long one attempt may take.
    pub timeouts: Timeouts,
    /// How long it goes on trying.
    pub retry: RetryPolicy,
}

/// Calls the methods of one service; cheap to clone, all clones share one connection.
#[derive(Clone, Debug)]
pub struct Client {
    servers: Arc<[Arc<Server>]>,
    requests: mpsc::Sender<Request>,
    retry: RetryPolicy,
    service: Service,
}

/// A failed attempt: where, and how.
struct Failed {
    server: Arc<Server>,
    generation: Option<u64>,
    failure: Failure,
}

impl Client {
    /// A client of one service on these servers, the first one asked first. Connects at the first call.
    ///
    /// Must be called inside a tokio runtime. A client without servers answers every call with an error that says so.
    pub fn new(servers: Vec<Server>, settings: Settings) -> Client {
        let servers: Vec<Arc<Server>> = servers.into_iter().map(Arc::new).collect();
        let (requests, receiver) = mpsc::channel(64);
        let (retry, service) = (settings.retry, settings.service);
        let client = Client { servers: servers.clone().into(), requests, retry, service };
        if !servers.is_empty() {
            tokio::spawn(Dialer::new(servers, settings).run(receiver));
        }
        client
    }

    /// The same client with another patience.
    pub fn with_retry(&self, retry: RetryPolicy) -> Client {
        Client { retry, ..self.clone() }
    }

    /// Authenticates later connections with a new token; a live connection stays.
    pub async fn authenticate(&self, authentication: Authentication) {
        // A dialer that is gone authenticates nobody.
        let _ = self.requests.send(Request::Authenticate(authentication)).await;
    }

    /// The servers, in the order in which they are asked.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.servers.iter().map(Arc::as_ref)
    }

    /// Calls a method and waits for its answer.
    ///
    /// # Errors
    /// The last attempt's failure: no server reachable, an exception from the server, a lost or silent connection.
    pub async fn call<Ask: Message, Answer: Message + Default>(
        &self,
        method: &Method<Ask, Answer>,
        request: &Ask,
    ) -> Result<Answer, CallError> {
        let began = Instant::now();
        let mut attempts = Attempts::new(self.retry, self.servers.len());
        let mut spoiled = None;
        loop {
            let failed = match self.attempt(method.name, request, spoiled.take()).await {
                Ok(answer) => match Answer::decode(answer.bytes) {
                    Ok(message) => return Ok(message),
                    Err(error) => Failed { server: answer.server, generation: None, failure: Failure::Answer(error) },
                },
                Err(failed) => failed,
            };
            let Some(next) = attempts.next(&failed.failure, method.repeatable, began.elapsed()) else {
                return Err(failed.for_good(method.name, attempts.made, began.elapsed()));
            };
            report(method.name, &failed, next.pause);
            spoiled = failed.generation.filter(|_| next.leave);
            tokio::time::sleep(next.pause).await;
        }
    }

    /// An error of ours about an answer that came: what typed clients say about missing fields and unfinished work.
    pub(crate) fn unsatisfied(&self, method: &'static str, failure: Failure) -> CallError {
        CallError { method, server: self.first_server(), attempts: 1, elapsed: Duration::ZERO, failure }
    }

    fn first_server(&self) -> Arc<Server> {
        self.servers.first().cloned().unwrap_or_else(|| Arc::new(no_server(self.service)))
    }

    async fn attempt(
        &self,
        method: &'static str,
        request: &impl Message,
        spoiled: Option<u64>,
    ) -> Result<Answered, Failed> {
        let line = self.line(spoiled).await.map_err(|NoLine { server, failure }| Failed {
            server,
            generation: None,
            failure: Failure::Connect(failure),
        })?;
        let server = line.connection.server().clone();
        match line.connection.call(method, request).await {
            Ok(bytes) => Ok(Answered { server, bytes }),
            Err(failure) => Err(Failed { server, generation: Some(line.generation), failure }),
        }
    }

    async fn line(&self, spoiled: Option<u64>) -> Result<Line, NoLine> {
        let nobody = || NoLine { server: self.first_server(), failure: Arc::new(ConnectFailure::NoServer) };
        let (reply, line) = oneshot::channel();
        if self.requests.send(Request::Line { spoiled, reply }).await.is_err() {
            return Err(nobody());
        }
        line.await.unwrap_or_else(|_| Err(nobody()))
    }
}

/// An answer and who gave it.
struct Answered {
    server: Arc<Server>,
    bytes: Bytes,
}

impl Failed {
    fn for_good(self, method: &'static str, attempts: u32, elapsed: Duration) -> CallError {
        CallError { method, server: self.server, attempts, elapsed, failure: self.failure }
    }
}

fn no_server(service: Service) -> Server {
    Server { role: "server of", host: service.protocol.to_owned(), port: 0, key: None }
}

fn report(method: &'static str, failed: &Failed, pause: Duration) {
    let mut reason = failed.failure.to_string();
    let mut cause = std::error::Error::source(&failed.failure);
    while let Some(error) = cause {
        reason.push_str(": ");
        reason.push_str(&error.to_string());
        cause = error.source();
    }
    tracing::info!(method, server = %failed.server, reason, ?pause, "call failed, trying again");
}
