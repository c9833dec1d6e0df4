//! Task threads: plain threads with a small runtime each, so that a busy kernel never holds up IO or heartbeats.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use rustix::time::{ClockId, clock_gettime};
use tracing::warn;

/// Work for a task thread: makes the future there, so that it need not be `Send`.
pub(crate) type Work = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// Tasks that may wait; the application master sends a handful ahead of the threads.
const WAITING: usize = 1024;

/// Threads that take work in order: a fixed number, and one more for each task that has lent its own.
pub(crate) struct TaskThreads {
    queue: Option<SyncSender<Work>>,
    work: Arc<Mutex<Receiver<Work>>>,
    threads: Vec<JoinHandle<()>>,
    started: usize,
    /// Threads that are to end when they have nothing to do.
    surplus: Arc<AtomicUsize>,
}

impl TaskThreads {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// When the operating system gives no thread, or a runtime cannot be made.
    pub fn start(count: u32) -> std::io::Result<Self> {
        let (queue, work) = sync_channel::<Work>(WAITING);
        let work = Arc::new(Mutex::new(work));
        let mut threads =
            TaskThreads { queue: Some(queue), work, threads: Vec::new(), started: 0, surplus: Arc::default() };
        for _ in 0..count.max(1) {
            threads.start_one()?;
        }
        Ok(threads)
    }

    fn start_one(&mut self) -> std::io::Result<()> {
        let (work, surplus) = (Arc::clone(&self.work), Arc::clone(&self.surplus));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let name = format!("task-{}", self.started);
        self.threads.retain(|thread| !thread.is_finished());
        self.threads.push(Builder::new().name(name).spawn(move || run(&runtime, &work, &surplus))?);
        self.started += 1;
        Ok(())
    }

    /// A task does not use its thread for now, or for ever: another one takes its place.
    pub fn lend(&mut self) {
        let spare = |count: usize| count.checked_sub(1);
        if self.surplus.fetch_update(Ordering::AcqRel, Ordering::Acquire, spare).is_ok() {
            return;
        }
        if let Err(error) = self.start_one() {
            warn!(%error, "start a task thread in the place of one that waits: its tasks have to wait, too");
        }
    }

    /// It uses it again: the next thread that has nothing to do ends.
    pub fn give_back(&self) {
        self.surplus.fetch_add(1, Ordering::AcqRel);
    }

    /// Queues work; gives it back when too much is waiting.
    pub fn submit(&self, work: Work) -> Result<(), Work> {
        let Some(queue) = &self.queue else { return Err(work) };
        queue.try_send(work).map_err(|refused| match refused {
            TrySendError::Full(work) | TrySendError::Disconnected(work) => work,
        })
    }
}

impl Drop for TaskThreads {
    /// Lets the threads finish what they are doing; work that waits is done too, so cancel it before.
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // A thread whose work panicked has caught it; one that died otherwise has nothing more to say.
            let _ = thread.join();
        }
    }
}

fn run(runtime: &tokio::runtime::Runtime, work: &Mutex<Receiver<Work>>, surplus: &AtomicUsize) {
    let spare = |count: usize| count.checked_sub(1);
    while surplus.fetch_update(Ordering::AcqRel, Ordering::Acquire, spare).is_err() {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(next) = next else { return };
        // The work itself reports its panics; this keeps the thread for the next one whatever happens.
        let _ = catch_unwind(AssertUnwindSafe(|| runtime.block_on(async { next().await })));
    }
}

/// CPU time that this thread has used, microseconds.
pub(crate) fn cpu_micros() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * 1_000_000 + u64::try_from(time.tv_nsec / 1000).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn work_is_done_and_a_panic_costs_no_thread() {
        let threads = TaskThreads::start(1).unwrap();
        let (done, finished) = mpsc::channel();
        assert!(threads.submit(Box::new(|| Box::pin(async { panic!("on purpose") }))).is_ok());
        let again = done.clone();
        assert!(threads.submit(Box::new(move || Box::pin(async move { again.send(7).unwrap() }))).is_ok());
        assert_eq!(finished.recv().unwrap(), 7);
        drop(threads);
    }

    #[test]
    fn a_lent_thread_has_a_stand_in() {
        let mut threads = TaskThreads::start(1).unwrap();
        let (go, wait) = mpsc::channel::<()>();
        let (done, finished) = mpsc::channel();
        let first = done.clone();
        let waits: Work = Box::new(move || {
            Box::pin(async move {
                wait.recv().unwrap();
                first.send("first").unwrap();
            })
        });
        assert!(threads.submit(waits).is_ok());
        threads.lend();
        let quick: Work = Box::new(move || {
            Box::pin(async move {
                done.send("second").unwrap();
            })
        });
        assert!(threads.submit(quick).is_ok());
        assert_eq!(finished.recv().unwrap(), "second");
        threads.give_back();
        go.send(()).unwrap();
        assert_eq!(finished.recv().unwrap(), "first");
    }
}
