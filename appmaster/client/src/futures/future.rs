//! A future: the result of a call, made on a worker, kept there as long as somebody holds it.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use bobbin_proto as wire;
use bobbin_task::function::{Value, ValueError};
use bytes::Bytes;

use super::queue::Wish;
use super::slot::{Claim, Ended, Fate};
use crate::fetch::{Fetcher, ResultError, told};
use crate::nested::aside;

/// The exit code of what was stopped on purpose.
const INTERRUPTED: u32 = 130;

/// The result of a call that runs, or will run, on a worker. Cheap to clone; `future.await` gives the result.
///
/// The result stays on its worker, and is made again when that is lost, until the last clone is dropped. Dropping the last
/// one of a task that has not run yet, and that no other task reads, stops it.
pub struct Future<T> {
    claim: Arc<Claim>,
    fetcher: Fetcher,
    of: PhantomData<fn() -> T>,
}

/// How far a future is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Its task waits or runs, or its result was lost and is made again.
    Pending,
    /// Its result is on a worker.
    Finished,
    /// Its task, or one that it reads, failed or was cancelled.
    Failed,
}

/// Why a future has no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FutureError {
    /// Its task, or one that it reads, failed for good.
    #[error("{task}: {message}")]
    Failed {
        /// The function and the beginning of the future's key.
        task: String,
        /// What happened.
        message: String,
        /// The exit code that a program deserves which ends because of this.
        exit_code: u8,
    },
    /// It, or a task that it reads, was cancelled.
    #[error("{task}: {message}")]
    Cancelled {
        /// The function and the beginning of the future's key.
        task: String,
        /// What was cancelled.
        message: String,
    },
    /// The application ended.
    #[error("{task}: the application is gone: {why}")]
    Gone {
        /// The function and the beginning of the future's key.
        task: String,
        /// Why.
        why: String,
    },
    /// The bytes of the result are none of this type.
    #[error("{task}: read the result")]
    Decode {
        /// The function and the beginning of the future's key.
        task: String,
        /// What is wrong.
        #[source]
        source: Arc<ValueError>,
    },
}

impl FutureError {
    /// The exit code of a command that fails because of this.
    pub fn exit_code(&self) -> u8 {
        match self {
            FutureError::Failed { exit_code, .. } => *exit_code,
            FutureError::Cancelled { .. } => 130,
            FutureError::Gone { .. } => 1,
            FutureError::Decode { .. } => 70,
        }
    }
}

impl<T> Clone for Future<T> {
    fn clone(&self) -> Self {
        Future { claim: Arc::clone(&self.claim), fetcher: self.fetcher.clone(), of: PhantomData }
    }
}

impl<T> fmt::Debug for Future<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Future({}, {:?})", self.claim.slot.name(), self.status())
    }
}

impl<T> Future<T> {
    pub(crate) fn new(claim: Arc<Claim>, fetcher: Fetcher) -> Self {
        Future { claim, fetcher, of: PhantomData }
    }

    pub(crate) fn claim(&self) -> &Arc<Claim> {
        &self.claim
    }

    /// The same result, read as another type. What its bytes are not shows when it is read.
    pub(crate) fn read_as<U>(self) -> Future<U> {
        Future { claim: self.claim, fetcher: self.fetcher, of: PhantomData }
    }

    /// What equal calls have in common: 32 hexadecimal digits.
    pub fn key(&self) -> String {
        self.claim.slot.key.to_string()
    }

    /// How far it is.
    pub fn status(&self) -> Status {
        match self.claim.slot.fate() {
            Fate::Open => Status::Pending,
            Fate::Ready(..) => Status::Finished,
            Fate::Failed(_) => Status::Failed,
        }
    }

    /// Waits until it has finished or failed.
    pub async fn wait(&self) {
        self.claim.slot.settled(None).await;
    }

    /// Stops its task, if it is not done, and with it those that read it, whoever holds them. Its error then is
    /// [`FutureError::Cancelled`].
    pub fn cancel(&self) {
        self.claim.wishes.push(Wish::Cancel(Arc::clone(&self.claim.slot)));
    }

    /// Workers that hold its result now: host:port; none while it is not there.
    pub fn who_has(&self) -> Vec<String> {
        match self.claim.slot.fate() {
            Fate::Ready(_, ready) => ready.holders.iter().map(|holder| holder.fetch_address.clone()).collect(),
            Fate::Open | Fate::Failed(_) => Vec::new(),
        }
    }

    /// Bytes of its result on the worker, when it is there.
    pub fn result_bytes(&self) -> Option<u64> {
        match self.claim.slot.fate() {
            Fate::Ready(_, ready) => Some(ready.bytes),
            Fate::Open | Fate::Failed(_) => None,
        }
    }

    fn error(&self, ended: &Ended) -> FutureError {
        let task = self.claim.slot.name();
        match ended {
            Ended::Gone(why) => FutureError::Gone { task, why: why.to_string() },
            Ended::Failed { message, exit_code: INTERRUPTED } => {
                FutureError::Cancelled { task, message: message.to_string() }
            }
            Ended::Failed { message, exit_code } => {
                let exit_code = u8::try_from(*exit_code).ok().filter(|code| *code != 0).unwrap_or(1);
                FutureError::Failed { task, message: message.to_string(), exit_code }
            }
        }
    }

    /// Why it has failed, if it has.
    pub(crate) fn failure(&self) -> Option<String>
    where
        T: Sized,
    {
        match self.claim.slot.fate() {
            Fate::Failed(ended) => Some(self.error(&ended).to_string()),
            Fate::Open | Fate::Ready(..) => None,
        }
    }

    pub(crate) fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// Where its result is, and the how many-th time that was said; `stale` is one that turned out to be wrong.
    pub(crate) async fn announced(&self, stale: Option<u64>) -> Result<(u64, Arc<wire::ResultReady>), FutureError> {
        loop {
            match self.claim.wishes.settled(&self.claim.slot, stale).await {
                Fate::Open => {}
                Fate::Failed(ended) => return Err(self.error(&ended)),
                Fate::Ready(announced, ready) => return Ok((announced, ready)),
            }
        }
    }

    /// Its result is not where it was said to be.
    pub(crate) async fn is_unreadable(&self, ready: &wire::ResultReady, reason: &str) {
        self.claim.driver.unreadable(ready, reason.to_owned()).await;
    }

    async fn bytes(&self) -> Result<Bytes, FutureError> {
        let mut stale = None;
        loop {
            let (announced, ready) = self.announced(stale).await?;
            match self.fetched(&ready).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => {
                    self.unreadable(&ready, &error).await;
                    stale = Some(announced);
                }
            }
        }
    }

    async fn fetched(&self, ready: &Arc<wire::ResultReady>) -> Result<Bytes, ResultError> {
        if let Some(bytes) = told(ready) {
            return Ok(bytes);
        }
        let (fetcher, ready) = (self.fetcher.clone(), Arc::clone(ready));
        aside(async move { fetcher.fetch(&ready).await }).await
    }

    /// The application makes it again, or says that it cannot.
    async fn unreadable(&self, ready: &wire::ResultReady, error: &ResultError) {
        let reason = crate::session::describe(error);
        tracing::info!(
            task = self.claim.slot.name(),
            reason,
            "a result cannot be fetched; waiting until it is made again"
        );
        self.claim.driver.unreadable(ready, reason).await;
    }
}

impl<T: Value> Future<T> {
    /// Waits for the result, and fetches it from its worker.
    ///
    /// # Errors
    /// When the task, or one that it reads, fails, or the application ends.
    pub async fn result(&self) -> Result<T, FutureError> {
        let bytes = self.bytes().await?;
        let decode = |source| FutureError::Decode { task: self.claim.slot.name(), source: Arc::new(source) };
        T::decode(bytes).map_err(decode)
    }
}

impl<T: Value> IntoFuture for Future<T> {
    type Output = Result<T, FutureError>;
    type IntoFuture = Pin<Box<dyn std::future::Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.result().await })
    }
}
