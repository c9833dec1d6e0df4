//! What a function may know of the task that runs it: whether anybody still wants its result, how deep it is nested, and
//! whose worker runs it, so that it can submit tasks of its own.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::task::CancelFlag;

thread_local! {
    /// The task that runs on this thread.
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

/// The task that runs.
#[derive(Clone)]
pub struct Running {
    /// Raised when nobody wants it any more.
    pub cancel: CancelFlag,
    /// How deep it is nested in tasks that submit tasks: 0 of a driver's.
    pub generation: u32,
    /// Tells its worker when it waits.
    pub pauses: Pauses,
    /// Of the program that runs the worker: its way to the application.
    pub home: Option<Arc<dyn Any + Send + Sync>>,
    /// Does it run in a process of its own?
    pub isolated: bool,
}

impl fmt::Debug for Running {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Running").field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// The task that runs on this thread; nothing outside of tasks.
pub fn running() -> Option<Running> {
    RUNNING.with_borrow(Clone::clone)
}

/// The task was cancelled. A function that returns this ends as cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task was cancelled")]
pub struct Cancelled;

/// Whether nobody wants the result of the running task any more. False outside of tasks. Costs a few nanoseconds: long
/// loops may ask every round.
pub fn is_cancelled() -> bool {
    RUNNING.with_borrow(|running| running.as_ref().is_some_and(|running| running.cancel.is_cancelled()))
}

/// An error as soon as nobody wants the result of the running task any more, for `?`.
///
/// # Errors
/// [`Cancelled`].
pub fn checkpoint() -> Result<(), Cancelled> {
    if is_cancelled() { Err(Cancelled) } else { Ok(()) }
}

/// Makes a task the running one of this thread, until it is dropped.
pub(crate) struct Here;

impl Here {
    pub fn runs(running: Running) -> Here {
        RUNNING.set(Some(running));
        Here
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        RUNNING.set(None);
    }
}

/// Counts for what a task waits, and tells its worker when it begins and ends to.
#[derive(Clone, Default)]
pub struct Pauses(Option<Arc<Counter>>);

struct Counter {
    open: AtomicU32,
    tell: Box<dyn Fn(bool) + Send + Sync>,
}

impl Pauses {
    /// `tell` hears `true` when the task begins to wait for others and holds no thread from then on, and `false` when it
    /// goes on.
    pub fn new(tell: impl Fn(bool) + Send + Sync + 'static) -> Pauses {
        Pauses(Some(Arc::new(Counter { open: AtomicU32::new(0), tell: Box::new(tell) })))
    }

    /// The task waits as long as this lives.
    pub fn begin(&self) -> Pause {
        if let Some(counter) = &self.0
            && counter.open.fetch_add(1, Ordering::AcqRel) == 0
        {
            (counter.tell)(true);
        }
        Pause(self.clone())
    }
}

impl fmt::Debug for Pauses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = self.0.as_ref().map(|counter| counter.open.load(Ordering::Acquire));
        formatter.debug_tuple("Pauses").field(&open).finish()
    }
}

/// A task that waits. Dropping it lets the task go on.
#[derive(Debug)]
pub struct Pause(Pauses);

impl Drop for Pause {
    fn drop(&mut self) {
        if let Some(counter) = &self.0.0
            && counter.open.fetch_sub(1, Ordering::AcqRel) == 1
        {
            (counter.tell)(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_task_that_waits_for_several_things_waits_once() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let pauses = Pauses::new({
            let told = Arc::clone(&told);
            move |waits| told.lock().expect("not poisoned").push(waits)
        });
        let first = pauses.begin();
        let second = pauses.begin();
        drop(first);
        assert_eq!(*told.lock().expect("not poisoned"), [true]);
        drop(second);
        drop(pauses.begin());
        assert_eq!(*told.lock().expect("not poisoned"), [true, false, true, false]);
    }
}
