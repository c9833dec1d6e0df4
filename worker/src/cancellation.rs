//! How an attempt is stopped: because nobody wants it, or because it takes too long; and what becomes of one that does not
//! stop.
//!
//! ```text
//! Queued -> Running -> Ended
//!              |
//!              +-> Abandoned   stopped, and still computing after a grace period: its thread is lost
//! ```

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bobbin_task::{CancelFlag, TaskError, TaskErrorKind};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::attempt::Key;

/// How long an attempt may take to notice that it is to stop, before its thread is given up.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

const QUEUED: u8 = 0;
const RUNNING: u8 = 1;
const ENDED: u8 = 2;
const ABANDONED: u8 = 3;

/// Stops an attempt: at its next batch where it computes, at once where it waits. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Cancellation(Arc<Inner>);

struct Inner {
    key: Key,
    flag: CancelFlag,
    waiting: Notify,
    state: AtomicU8,
    /// Why it was stopped, if that is its own fault.
    fault: OnceLock<TaskError>,
    /// Hears of attempts that do not stop, with what they are said to have failed of.
    stuck: mpsc::Sender<(Key, TaskError)>,
    /// Watches over the time.
    io: Handle,
    grace: Duration,
}

/// Watches over an attempt's time until it is dropped.
pub(crate) struct Clock(Option<JoinHandle<()>>);

impl Drop for Clock {
    fn drop(&mut self) {
        if let Some(watch) = self.0.take() {
            watch.abort();
        }
    }
}

impl Cancellation {
    /// Of an attempt that waits for a thread; once told to stop, it is given up after this grace.
    pub fn new(key: Key, stuck: mpsc::Sender<(Key, TaskError)>, (io, grace): (Handle, Duration)) -> Cancellation {
        let (flag, waiting, state) = (CancelFlag::default(), Notify::new(), AtomicU8::new(QUEUED));
        Cancellation(Arc::new(Inner { key, flag, waiting, state, fault: OnceLock::new(), stuck, io, grace }))
    }

    /// Raised when it is to stop.
    pub fn flag(&self) -> CancelFlag {
        self.0.flag.clone()
    }

    /// Nobody wants its result any more.
    pub fn cancel(&self) {
        if self.0.flag.is_cancelled() {
            return;
        }
        self.0.flag.cancel();
        self.0.waiting.notify_one();
        let this = self.clone();
        self.0.io.spawn(async move {
            tokio::time::sleep(this.0.grace).await;
            let abandoned = this.0.state.compare_exchange(RUNNING, ABANDONED, Ordering::AcqRel, Ordering::Acquire);
            if abandoned.is_ok() {
                // A worker that has ended needs not know.
                let _ = this.0.stuck.send((this.0.key, this.error())).await;
            }
        });
    }

    /// It begins now, and may take so long; zero for ever.
    pub fn begin(&self, limit: Duration) -> Clock {
        self.0.state.store(RUNNING, Ordering::Release);
        if limit.is_zero() {
            return Clock(None);
        }
        let this = self.clone();
        Clock(Some(self.0.io.spawn(async move {
            tokio::time::sleep(limit).await;
            this.expire(limit);
        })))
    }

    fn expire(&self, limit: Duration) {
        if !self.0.flag.is_cancelled() {
            let message = format!("it took longer than its time limit of {limit:?}");
            // Only the first one counts.
            let _ = self.0.fault.set(TaskError { kind: TaskErrorKind::Permanent, message, exit_code: 1 });
            self.cancel();
        }
    }

    /// Waits until it is to stop. For one listener.
    pub async fn cancelled(&self) {
        self.0.waiting.notified().await;
    }

    /// What an attempt ends with that was stopped.
    pub fn error(&self) -> TaskError {
        let message = "the task was cancelled".to_owned();
        let cancelled = TaskError { kind: TaskErrorKind::Cancelled, message, exit_code: 0 };
        self.0.fault.get().cloned().unwrap_or(cancelled)
    }

    /// What an attempt's own outcome counts for: nothing if it came too late.
    pub fn judge<T>(&self, outcome: Result<T, TaskError>) -> Result<T, TaskError> {
        let ended = self.0.state.compare_exchange(RUNNING, ENDED, Ordering::AcqRel, Ordering::Acquire);
        match outcome {
            Ok(_) if ended.is_err() || self.0.fault.get().is_some() => Err(self.error()),
            Err(error) if error.kind == TaskErrorKind::Cancelled => Err(self.error()),
            outcome => outcome,
        }
    }

    /// It is over, whatever it was.
    pub fn end(&self) {
        // One that was abandoned stays so.
        let _ = self.0.state.compare_exchange(RUNNING, ENDED, Ordering::AcqRel, Ordering::Acquire);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(5);

    fn cancellation() -> (Cancellation, mpsc::Receiver<(Key, TaskError)>) {
        let (stuck, heard) = mpsc::channel(1);
        (Cancellation::new((7, 1), stuck, (Handle::current(), SHORT)), heard)
    }

    #[tokio::test]
    async fn who_does_not_stop_is_abandoned() {
        let (cancellation, mut heard) = cancellation();
        let _clock = cancellation.begin(SHORT);
        let (key, error) = heard.recv().await.expect("it is stuck");
        assert_eq!((key, error.kind), ((7, 1), TaskErrorKind::Permanent));
        assert_eq!(error.message, "it took longer than its time limit of 5ms");
        assert!(cancellation.judge(Ok(1)).is_err(), "what it gives now counts for nothing");
    }

    #[tokio::test]
    async fn who_stops_is_not() {
        let (cancellation, mut heard) = cancellation();
        let clock = cancellation.begin(Duration::from_secs(3000));
        assert_eq!(cancellation.judge(Ok(1)), Ok(1));
        drop(clock);
        cancellation.cancel();
        drop(cancellation);
        assert!(heard.recv().await.is_none());
    }

    #[tokio::test]
    async fn who_has_not_begun_is_not_stuck() {
        let (first, mut heard) = cancellation();
        first.cancel();
        let watch = first.clone();
        drop(first);
        watch.cancelled().await;
        drop(watch);
        assert!(heard.recv().await.is_none(), "its watch ended and said nothing");
    }
}
