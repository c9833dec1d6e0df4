//! How a function learns that nobody wants its result any more.

use std::cell::RefCell;

use crate::task::CancelFlag;

thread_local! {
    /// The flag of the task that runs on this thread.
    static RUNNING: RefCell<Option<CancelFlag>> = const { RefCell::new(None) };
}

/// The task was cancelled. A function that returns this ends as cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task was cancelled")]
pub struct Cancelled;

/// Whether nobody wants the result of the running task any more. False outside of tasks. Costs a few nanoseconds: long
/// loops may ask every round.
pub fn is_cancelled() -> bool {
    RUNNING.with_borrow(|running| running.as_ref().is_some_and(CancelFlag::is_cancelled))
}

/// An error as soon as nobody wants the result of the running task any more, for `?`.
///
/// # Errors
/// [`Cancelled`].
pub fn checkpoint() -> Result<(), Cancelled> {
    if is_cancelled() { Err(Cancelled) } else { Ok(()) }
}

/// Makes a flag that of the running task, until it is dropped.
pub(crate) struct Running;

impl Running {
    pub fn under(flag: CancelFlag) -> Running {
        RUNNING.set(Some(flag));
        Running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.set(None);
    }
}
