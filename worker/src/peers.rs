//! Fetching results from other workers, over connections that are kept for the next result.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bobbin_engine::InputError;
use bobbin_link::{Connector, FetchConnection, FetchError};
use bobbin_proto as wire;
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::debug;

/// Bytes of an input, or why there are no more.
pub(crate) type Chunk = Result<Bytes, InputError>;

/// Longest silence of a holder in the middle of a fetch before it counts as gone.
const PATIENCE: Duration = Duration::from_secs(20);
/// Idle connections that are kept to one holder; as many as a task's inputs are fetched at once.
const KEPT: usize = 8;

/// How to reach other workers. Cheap to clone.
#[derive(Clone)]
pub struct Peers {
    /// Shows who we are; `None` in local mode, where there are no others.
    pub connector: Option<Connector>,
    /// Runs the transfers, so that a busy task thread does not stop them.
    pub io: Handle,
}

/// Connections that nobody uses at the moment, by address.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<BTreeMap<String, Vec<FetchConnection>>>,
}

/// One input on its way from whoever holds it.
pub(crate) struct Transfer {
    pub input: wire::Input,
    /// Our own number among the holders: what we had, we would not fetch.
    pub own: u32,
    pub connector: Option<Connector>,
    pub pool: Arc<Pool>,
    /// Bytes that came.
    pub fetched: Arc<AtomicU64>,
    /// To the task that reads the input.
    pub chunks: mpsc::Sender<Chunk>,
}

/// A holder did not give all bytes.
struct Broken {
    /// Bytes that the task has already got.
    passed_on: usize,
    reason: String,
}

impl Pool {
    fn take(&self, address: &str) -> Option<FetchConnection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).get_mut(address)?.pop()
    }

    fn put_back(&self, address: &str, connection: FetchConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.entry(address.to_owned()).or_default();
        if kept.len() < KEPT {
            kept.push(connection);
        }
    }
}

impl Transfer {
    /// Tries the holders in turn. Once bytes of one have been passed on, another cannot take over.
    pub async fn run(self) {
        let mut reasons = Vec::new();
        for holder in self.input.holders.iter().filter(|holder| holder.worker != self.own) {
            match self.fetch_from(holder).await {
                Ok(()) => return,
                Err(Broken { passed_on, reason }) => {
                    reasons.push(format!("{}: {reason}", holder.host));
                    if passed_on > 0 {
                        break;
                    }
                }
            }
        }
        let why = if reasons.is_empty() { "no worker has it".to_owned() } else { reasons.join("; ") };
        let lost = InputError::Lost(format!("fetch the result of task {}: {why}", self.input.task));
        // A reader that has gone needs no reason.
        let _ = self.chunks.send(Err(lost)).await;
    }

    async fn fetch_from(&self, holder: &wire::Holder) -> Result<(), Broken> {
        let address = &holder.fetch_address;
        // A kept connection may have been closed meanwhile; that says nothing of the holder.
        if let Some(kept) = self.pool.take(address) {
            match self.fetch_over(kept, address).await {
                Err(Broken { passed_on: 0, reason }) => debug!(address, reason, "a kept connection failed"),
                outcome => return outcome,
            }
        }
        let connector = self.connector.as_ref().ok_or_else(|| Broken::before("there are no other workers"))?;
        let dialed = connector.dial_as_peer(address).await.map_err(|error| Broken::before(describe(&error)))?;
        self.fetch_over(dialed, address).await
    }

    async fn fetch_over(&self, mut connection: FetchConnection, address: &str) -> Result<(), Broken> {
        let task = self.input.task;
        let mut passed_on = 0;
        let asked = in_time(connection.fetch(task)).await;
        let mut body = asked.map_err(Broken::before)?;
        loop {
            match in_time(body.chunk()).await {
                Ok(Some(chunk)) => {
                    passed_on += chunk.len();
                    self.fetched.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                    if self.chunks.send(Ok(chunk)).await.is_err() {
                        debug!(task, "the reader of an input has gone");
                        return Ok(());
                    }
                }
                Ok(None) => break,
                Err(reason) => return Err(Broken { passed_on, reason }),
            }
        }
        self.pool.put_back(address, connection);
        Ok(())
    }
}

/// A step of a fetch, unless it takes too long.
async fn in_time<T>(step: impl Future<Output = Result<T, FetchError>>) -> Result<T, String> {
    match timeout(PATIENCE, step).await {
        Ok(outcome) => outcome.map_err(|error| describe(&error)),
        Err(_) => Err(format!("nothing came for {PATIENCE:?}")),
    }
}

impl Broken {
    fn before(reason: impl Into<String>) -> Self {
        Broken { passed_on: 0, reason: reason.into() }
    }
}

/// An error with all its causes, in one line.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
