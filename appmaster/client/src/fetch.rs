//! Fetching results: from a worker in this process, or over TLS from wherever it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bobbin_link::{Connector, DialError, FetchConnection, FetchError};
use bobbin_proto as wire;
use bobbin_worker::{Served, call_function, call_state};
use bytes::{Bytes, BytesMut};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long a worker may be silent in the middle of a fetch.
const PATIENCE: Duration = Duration::from_secs(20);

/// Memory that is set aside before the first byte comes: addresses, which cost nothing until they are used.
const MOST_AT_ONCE: usize = 1 << 30;

/// Where results come from.
#[derive(Clone)]
pub enum Fetcher {
    /// The workers of a cluster.
    Remote(Arc<Remote>),
    /// The worker in this process.
    Local(Served),
}

/// Connections to workers, kept for the next result.
pub struct Remote {
    connector: Connector,
    /// Idle ones, of each worker as many as were used at once.
    connections: Mutex<BTreeMap<String, Vec<FetchConnection>>>,
}

/// A result could not be fetched from any of its holders.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// Nobody is said to have it.
    #[error("fetch result {result}: no worker has it")]
    NoHolder {
        /// The application's number of the task.
        result: u32,
    },
    /// Its holder cannot be reached.
    #[error("fetch result {result} from {address}")]
    Dial {
        /// The application's number of the task.
        result: u32,
        /// The worker.
        address: String,
        /// Why not.
        #[source]
        source: DialError,
    },
    /// Its holder did not give it.
    #[error("fetch result {result} from {address}")]
    Fetch {
        /// The application's number of the task.
        result: u32,
        /// The worker.
        address: String,
        /// Why not.
        #[source]
        source: FetchError,
    },
    /// Its holder says nothing any more.
    #[error("fetch result {result} from {address}: nothing came for {} s", PATIENCE.as_secs())]
    Silent {
        /// The application's number of the task.
        result: u32,
        /// The worker.
        address: String,
    },
    /// The worker in this process lost it.
    #[error("read result {result}: {reason}")]
    Local {
        /// The application's number of the task.
        result: u32,
        /// Why not.
        reason: String,
    },
}

/// The result itself, where it came with its announcement.
pub(crate) fn told(ready: &wire::ResultReady) -> Option<Bytes> {
    (ready.inline.len() as u64 == ready.bytes).then(|| ready.inline.clone())
}

impl Fetcher {
    /// Fetches from a cluster's workers, showing the identity of `connector`.
    pub fn remote(connector: Connector) -> Self {
        Fetcher::Remote(Arc::new(Remote { connector, connections: Mutex::default() }))
    }

    /// All bytes of an announced result.
    pub async fn fetch(&self, ready: &wire::ResultReady) -> Result<Bytes, ResultError> {
        if let Some(bytes) = told(ready) {
            return Ok(bytes);
        }
        match self {
            Fetcher::Remote(remote) => remote.fetch(ready).await,
            Fetcher::Local(served) => {
                let read = served.store.read(ready.result, 0).await;
                read.map_err(|error| ResultError::Local { result: ready.result, reason: error.to_string() })
            }
        }
    }
}

impl Fetcher {
    /// Calls a method of a state that the worker at `address` holds; the call names it by its incarnation, or by the number that
    /// an application master gave to its task. A broken connection leaves open whether it was called.
    pub(crate) async fn call(
        &self,
        address: &str,
        call: (u32, wire::StateCall),
    ) -> Result<(wire::FetchReply, Bytes), ResultError> {
        match self {
            Fetcher::Remote(remote) => {
                let (master, call) = call;
                let (result, address) = (call.task, address.to_owned());
                let request = wire::FetchRequest { call: Some(call), master, ..wire::FetchRequest::default() };
                remote.call(&address, request).await.map_err(|error| match error {
                    Unanswered::Dial(source) => ResultError::Dial { result, address, source },
                    Unanswered::Broken(source) => ResultError::Fetch { result, address, source },
                })
            }
            Fetcher::Local(Served { store, methods, .. }) => Ok(call_state(store, methods, call).await),
        }
    }

    /// Calls a function on the worker at `address`, beside its tasks.
    pub(crate) async fn call_function(
        &self,
        address: &str,
        call: wire::FunctionCall,
    ) -> Result<(wire::FetchReply, Bytes), Unanswered> {
        match self {
            Fetcher::Remote(remote) => {
                let request = wire::FetchRequest { function: Some(call), ..wire::FetchRequest::default() };
                remote.call(address, request).await
            }
            Fetcher::Local(served) => Ok(call_function(&served.functions, call).await),
        }
    }
}

/// A call without an answer.
pub(crate) enum Unanswered {
    /// It was not made.
    Dial(DialError),
    /// It was made, or not.
    Broken(FetchError),
}

impl Remote {
    async fn call(&self, address: &str, request: wire::FetchRequest) -> Result<(wire::FetchReply, Bytes), Unanswered> {
        let kept = self.connections.lock().await.get_mut(address).and_then(Vec::pop);
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connector.dial_as_peer(address).await.map_err(Unanswered::Dial)?,
        };
        // However long it takes: a worker that has gone closes its connections, or its host's silence does.
        let answered = connection.call(request).await.map_err(Unanswered::Broken)?;
        self.put_back(address, connection).await;
        Ok(answered)
    }

    async fn fetch(&self, ready: &wire::ResultReady) -> Result<Bytes, ResultError> {
        let mut failure = ResultError::NoHolder { result: ready.result };
        for holder in &ready.holders {
            match self.fetch_from(&holder.fetch_address, (ready.master, ready.result)).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn fetch_from(&self, address: &str, (master, result): (u32, u32)) -> Result<Bytes, ResultError> {
        // A connection is taken out while it is used: one that fails is not put back.
        let kept = self.connections.lock().await.get_mut(address).and_then(Vec::pop);
        if let Some(mut connection) = kept
            && let Ok(bytes) = receive(&mut connection, (master, result)).await
        {
            self.put_back(address, connection).await;
            return Ok(bytes);
        }
        let dialed = self.connector.dial_as_peer(address).await;
        let mut connection =
            dialed.map_err(|source| ResultError::Dial { result, address: address.to_owned(), source })?;
        let bytes = receive(&mut connection, (master, result)).await;
        let bytes = bytes.map_err(|broken| broken.of(result, address))?;
        self.put_back(address, connection).await;
        Ok(bytes)
    }

    async fn put_back(&self, address: &str, connection: FetchConnection) {
        self.connections.lock().await.entry(address.to_owned()).or_default().push(connection);
    }
}

async fn receive(connection: &mut FetchConnection, (master, result): (u32, u32)) -> Result<Bytes, Broken> {
    let mut body = in_time(connection.fetch(master, result)).await?;
    let expected = usize::try_from(body.remaining()).unwrap_or(usize::MAX).min(MOST_AT_ONCE);
    let mut bytes = BytesMut::with_capacity(expected);
    while in_time(body.append_to(&mut bytes)).await? {}
    Ok(bytes.freeze())
}

/// Why a fetch did not come to its end.
enum Broken {
    Fetch(FetchError),
    Silent,
}

impl Broken {
    fn of(self, result: u32, address: &str) -> ResultError {
        let address = address.to_owned();
        match self {
            Broken::Fetch(source) => ResultError::Fetch { result, address, source },
            Broken::Silent => ResultError::Silent { result, address },
        }
    }
}

/// A step of a fetch, unless it takes too long: a host that has lost its power closes no connection.
async fn in_time<T>(step: impl Future<Output = Result<T, FetchError>>) -> Result<T, Broken> {
    match timeout(PATIENCE, step).await {
        Ok(outcome) => outcome.map_err(Broken::Fetch),
        Err(_) => Err(Broken::Silent),
    }
}
