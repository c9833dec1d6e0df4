//! Task threads: plain threads with a small runtime each, so that a busy kernel never holds up IO or heartbeats.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use bobbin_link::Patience;
use rustix::time::{ClockId, clock_gettime};
use tracing::warn;

/// Work for a task thread: makes the future there, so that it need not be `Send`. What comes of it is told by the thread.
pub(crate) type Work = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = Tell>>> + Send>;

/// Tells what came of some work. It may take time that is nobody's if the thread has nothing else to do.
pub(crate) type Tell = Box<dyn FnOnce(Leisure)>;

/// Has a thread something else to do?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leisure {
    /// Nothing.
    Some,
    /// More work waits.
    None,
}

/// Tasks that may wait; the application master sends a handful ahead of the threads.
const WAITING: usize = 1024;

/// Threads that take work in order: a fixed number, and one more for each task that has lent its own.
pub(crate) struct TaskThreads {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
    started: usize,
}

/// What the threads share. Whoever puts work in wakes one thread, and that one alone.
#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    more: Condvar,
    /// Is work waiting? For threads that look.
    waits: AtomicBool,
    patience: Patience,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Work>,
    /// Threads without work that will look for it before they sleep.
    looking: usize,
    asleep: usize,
    /// Threads that are to end when they have nothing to do.
    surplus: usize,
    /// No more work will come.
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread has ended its work, and comes for more.
    fn comes(&self) -> Leisure {
        let mut state = self.lock();
        state.looking += 1;
        if state.waiting.is_empty() { Leisure::Some } else { Leisure::None }
    }

    /// The next work for a thread that has come; `None` when it is to end.
    fn next(&self) -> Option<Work> {
        let mut state = self.lock();
        if state.waiting.is_empty() && state.looking == 1 {
            drop(state);
            self.patience.look(|| self.waits.load(Ordering::Relaxed));
            state = self.lock();
        }
        state.looking -= 1;
        loop {
            if state.surplus > 0 {
                state.surplus -= 1;
                // Whoever woke this one meant it for the work.
                self.more.notify_one();
                return None;
            }
            if let Some(work) = state.waiting.pop_front() {
                self.waits.store(!state.waiting.is_empty(), Ordering::Relaxed);
                return Some(work);
            }
            if state.closed {
                return None;
            }
            state.asleep += 1;
            state = self.more.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.asleep -= 1;
        }
    }
}

impl TaskThreads {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// When the operating system gives no thread, or a runtime cannot be made.
    pub fn start(count: u32) -> std::io::Result<Self> {
        let mut threads = TaskThreads { queue: Arc::default(), threads: Vec::new(), started: 0 };
        for _ in 0..count.max(1) {
            threads.start_one()?;
        }
        Ok(threads)
    }

    fn start_one(&mut self) -> std::io::Result<()> {
        let queue = Arc::clone(&self.queue);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let name = format!("task-{}", self.started);
        self.threads.retain(|thread| !thread.is_finished());
        self.threads.push(Builder::new().name(name).spawn(move || run(&runtime, &queue))?);
        self.started += 1;
        Ok(())
    }

    /// A task does not use its thread for now, or for ever: another one takes its place.
    pub fn lend(&mut self) {
        let mut state = self.queue.lock();
        if state.surplus > 0 {
            state.surplus -= 1;
            return;
        }
        drop(state);
        if let Err(error) = self.start_one() {
            warn!(%error, "start a task thread in the place of one that waits: its tasks have to wait, too");
        }
    }

    /// It uses it again: the next thread that has nothing to do ends.
    pub fn give_back(&self) {
        self.queue.lock().surplus += 1;
    }

    /// Queues work; gives it back when too much is waiting.
    pub fn submit(&self, work: Work) -> Result<(), Work> {
        let mut state = self.queue.lock();
        if state.waiting.len() >= WAITING {
            return Err(work);
        }
        state.waiting.push_back(work);
        self.queue.waits.store(true, Ordering::Relaxed);
        let wakes = state.asleep > 0 && state.waiting.len() > state.looking;
        drop(state);
        if wakes {
            self.queue.more.notify_one();
        }
        Ok(())
    }
}

impl Drop for TaskThreads {
    /// Lets the threads finish what they are doing; work that waits is done too, so cancel it before.
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.more.notify_all();
        for thread in self.threads.drain(..) {
            // A thread whose work panicked has caught it; one that died otherwise has nothing more to say.
            let _ = thread.join();
        }
    }
}

fn run(runtime: &tokio::runtime::Runtime, queue: &Queue) {
    queue.comes();
    while let Some(next) = queue.next() {
        // The work itself reports its panics; this keeps the thread for the next one whatever happens.
        let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(async { next().await })));
        let leisure = queue.comes();
        if let Ok(tell) = outcome {
            tell(leisure);
        }
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

    fn nothing() -> Tell {
        Box::new(|_| {})
    }

    #[test]
    fn work_is_done_and_a_panic_costs_no_thread() {
        let threads = TaskThreads::start(1).unwrap();
        let (done, finished) = mpsc::channel();
        assert!(threads.submit(Box::new(|| Box::pin(async { panic!("on purpose") }))).is_ok());
        let again = done.clone();
        assert!(
            threads
                .submit(Box::new(move || Box::pin(async move {
                    again.send(7).unwrap();
                    nothing()
                })))
                .is_ok()
        );
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
                nothing()
            })
        });
        assert!(threads.submit(waits).is_ok());
        threads.lend();
        let quick: Work = Box::new(move || {
            Box::pin(async move {
                done.send("second").unwrap();
                nothing()
            })
        });
        assert!(threads.submit(quick).is_ok());
        assert_eq!(finished.recv().unwrap(), "second");
        threads.give_back();
        go.send(()).unwrap();
        assert_eq!(finished.recv().unwrap(), "first");
    }
}
