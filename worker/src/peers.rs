//! Fetching results from other workers, over connections that are kept for the next result.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bobbin_link::{Connector, FetchConnection, FetchError};
use bobbin_proto as wire;
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::debug;

use crate::inputs::Lost;

/// What a transfer brings to the task that reads it.
pub(crate) enum Delivery {
    /// The next bytes of a result.
    Bytes(Bytes),
    /// A result is complete; the next one follows.
    End,
    /// A result cannot be had, for this reason. Nothing follows.
    Lost(String),
}

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

/// The same part of several results, on its way from the worker that holds them.
pub(crate) struct Transfer {
    /// Nobody, if nobody but us is said to have them: what we had, we would not fetch.
    pub holder: Option<wire::Holder>,
    pub tasks: Vec<u32>,
    /// Who else has some of them.
    pub others: BTreeMap<u32, Vec<wire::Holder>>,
    pub part: u32,
    /// The application master that numbered them.
    pub master: u32,
    pub connector: Option<Connector>,
    pub pool: Arc<Pool>,
    /// Bytes that came.
    pub fetched: Arc<AtomicU64>,
    /// Tasks whose results are lost are noted here.
    pub lost: Arc<Lost>,
    /// To the task that reads the results.
    pub deliveries: mpsc::Sender<Delivery>,
}

/// How far a transfer is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Progress {
    /// Results that were delivered.
    complete: usize,
    /// Bytes of the next one that were delivered.
    begun: u64,
}

/// Why a transfer stopped.
enum Broken {
    /// The holder says that it does not have the next result.
    Refused(String),
    /// The holder cannot be heard any more.
    Silent(String),
    /// The reader wants no more.
    Unwanted,
}

impl Pool {
    /// A connection to this address that nobody uses.
    pub(crate) fn take(&self, address: &str) -> Option<FetchConnection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).get_mut(address)?.pop()
    }

    /// Nobody uses this one any more.
    pub(crate) fn put_back(&self, address: &str, connection: FetchConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.entry(address.to_owned()).or_default();
        if kept.len() < KEPT {
            kept.push(connection);
        }
    }
}

impl Transfer {
    /// Brings all results, in order, or says why not. Where the holder fails, another one that has the same result goes on.
    pub async fn run(self) {
        let mut progress = Progress::default();
        // Why the holder is out of reach.
        let mut gone: Option<String> = None;
        while progress.complete < self.tasks.len() {
            let reason = match gone.clone() {
                Some(reason) => reason,
                None => match self.transfer(self.holder.as_ref(), self.tasks.len(), &mut progress).await {
                    Ok(()) | Err(Broken::Unwanted) => return,
                    Err(Broken::Refused(reason)) => reason,
                    Err(Broken::Silent(reason)) => gone.insert(reason).clone(),
                },
            };
            match self.rest_of_others(&mut progress).await {
                Ok(true) => {}
                Ok(false) => return self.give_up(&progress, gone.is_some(), &reason).await,
                // The reader has gone.
                Err(_) => return,
            }
        }
    }

    /// The rest of the result that comes next, from somebody else who has it. False if nobody has.
    async fn rest_of_others(&self, progress: &mut Progress) -> Result<bool, Broken> {
        let task = self.tasks.get(progress.complete);
        for other in task.and_then(|task| self.others.get(task)).into_iter().flatten() {
            match self.transfer(Some(other), progress.complete + 1, progress).await {
                Ok(()) => return Ok(true),
                Err(Broken::Unwanted) => return Err(Broken::Unwanted),
                Err(Broken::Refused(reason) | Broken::Silent(reason)) => {
                    debug!(address = other.fetch_address, reason, "a further holder failed, too");
                }
            }
        }
        Ok(false)
    }

    /// Says that the next result cannot be had; what else a holder has that is gone is as much out of reach.
    async fn give_up(&self, progress: &Progress, gone: bool, reason: &str) {
        let left = &self.tasks[progress.complete..];
        self.lost.add(left.iter().copied().take(if gone { left.len() } else { 1 }));
        let task = left.first().copied().unwrap_or_default();
        let host = self.holder.as_ref().map(|holder| format!("{}: ", holder.host)).unwrap_or_default();
        let lost = Delivery::Lost(format!("fetch the result of task {task}: {host}{reason}"));
        // A reader that has gone needs no reason.
        let _ = self.deliveries.send(lost).await;
    }

    /// Brings the results up to this one from a worker that has them.
    async fn transfer(&self, holder: Option<&wire::Holder>, end: usize, progress: &mut Progress) -> Result<(), Broken> {
        let holder = holder.ok_or_else(|| Broken::Refused("no other worker has it".to_owned()))?;
        let (address, before) = (&holder.fetch_address, *progress);
        // A kept connection may have been closed meanwhile; that says nothing of the holder.
        if let Some(kept) = self.pool.take(address) {
            match self.fetch_over(kept, address, (end, progress)).await {
                Err(Broken::Silent(reason)) if *progress == before => {
                    debug!(address, reason, "a kept connection failed");
                }
                outcome => return outcome,
            }
        }
        let none = || Broken::Refused("there are no other workers".to_owned());
        let connector = self.connector.as_ref().ok_or_else(none)?;
        let dialed = connector.dial_as_peer(address).await.map_err(|error| Broken::Silent(describe(&error)))?;
        self.fetch_over(dialed, address, (end, progress)).await
    }

    /// Fetches what is left of them over this connection.
    async fn fetch_over(
        &self,
        mut connection: FetchConnection,
        address: &str,
        (end, progress): (usize, &mut Progress),
    ) -> Result<(), Broken> {
        let left = self.tasks[progress.complete..end].to_vec();
        in_time(connection.ask(self.master, left, self.part, progress.begun)).await?;
        while progress.complete < end {
            let mut body = in_time(connection.next()).await?;
            while let Some(chunk) = in_time(body.chunk()).await? {
                progress.begun += chunk.len() as u64;
                self.fetched.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                self.deliver(Delivery::Bytes(chunk)).await?;
            }
            self.deliver(Delivery::End).await?;
            *progress = Progress { complete: progress.complete + 1, begun: 0 };
        }
        self.pool.put_back(address, connection);
        Ok(())
    }

    async fn deliver(&self, delivery: Delivery) -> Result<(), Broken> {
        self.deliveries.send(delivery).await.map_err(|_| {
            debug!(part = self.part, "the reader of an input has gone");
            Broken::Unwanted
        })
    }
}

/// A step of a fetch, unless it takes too long.
async fn in_time<T>(step: impl Future<Output = Result<T, FetchError>>) -> Result<T, Broken> {
    match timeout(PATIENCE, step).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error @ FetchError::Refused(_))) => Err(Broken::Refused(describe(&error))),
        Ok(Err(error @ (FetchError::Frame(_) | FetchError::Closed | FetchError::Io(_)))) => {
            Err(Broken::Silent(describe(&error)))
        }
        Err(_) => Err(Broken::Silent(format!("nothing came for {PATIENCE:?}"))),
    }
}

/// A step of a fetch, unless the other side is silent for too long.
pub(crate) async fn in_patience<T>(step: impl Future<Output = Result<T, FetchError>>) -> Result<T, FetchError> {
    let silent = |_| FetchError::Io(std::io::Error::other(format!("nothing came for {PATIENCE:?}")));
    timeout(PATIENCE, step).await.map_err(silent)?
}

/// An error with all its causes, in one line.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
