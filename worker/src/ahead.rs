//! What tasks read of files while they wait for a thread: the disk works while the threads compute.
//!
//! ```text
//! Waiting -> Reading -> Read -> taken by the task's thread
//!    +-- the thread comes first, and reads for itself
//! ```
//!
//! One task's ranges are read at a time: a disk that is read from one place after the other is done with the first soonest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bobbin_task::Ready;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::AbortHandle;

/// Bytes of one permit.
const GRAIN: u64 = 1 << 10;

/// Reads for the tasks of a worker. What was read and not yet taken is never more than the budget.
pub(crate) struct ReadAhead {
    /// Room for bytes, in grains.
    room: Arc<Semaphore>,
    grains: u32,
    turn: Arc<Semaphore>,
    io: Handle,
}

/// What is read for one task. Dropped, it is not read, or forgotten.
pub(crate) struct Ahead {
    /// Who sets it first, the reader or the thread, reads.
    begun: Arc<AtomicBool>,
    waiting: AbortHandle,
    ready: oneshot::Receiver<(Ready, OwnedSemaphorePermit)>,
}

impl ReadAhead {
    /// Keeps at most so many bytes.
    pub fn new(budget: u64, io: Handle) -> ReadAhead {
        let grains = u32::try_from(budget / GRAIN).unwrap_or(u32::MAX);
        let room = Arc::new(Semaphore::new(grains as usize));
        ReadAhead { room, grains, turn: Arc::new(Semaphore::new(1)), io }
    }

    /// Reads when it is this task's turn and there is room for so many bytes; `None` if there never is.
    pub fn begin(&self, bytes: u64, read: BoxFuture<'static, Ready>) -> Option<Ahead> {
        let grains = u32::try_from(bytes.div_ceil(GRAIN)).ok().filter(|grains| *grains <= self.grains)?;
        let begun = Arc::new(AtomicBool::new(false));
        let (done, ready) = oneshot::channel();
        let (room, turn, io, begins) = (self.room.clone(), self.turn.clone(), self.io.clone(), begun.clone());
        let waiting = self.io.spawn(async move {
            // In the order of asking; nobody closes them.
            let Ok(room) = room.acquire_many_owned(grains).await else { return };
            let Ok(turn) = turn.acquire_owned().await else { return };
            if begins.swap(true, Ordering::AcqRel) {
                return;
            }
            // It may wait for a disk: not where links are served.
            io.clone().spawn_blocking(move || {
                let ready = io.block_on(read);
                drop(turn);
                // Nobody may want it any more.
                let _ = done.send((ready, room));
            });
        });
        Some(Ahead { begun, waiting: waiting.abort_handle(), ready })
    }
}

impl Ahead {
    /// What was read, as soon as it is; `None` if reading has not begun, and so never does.
    pub async fn take(mut self) -> Option<Ready> {
        if !self.begun.swap(true, Ordering::AcqRel) {
            return None;
        }
        // From now on it is the task's own memory.
        (&mut self.ready).await.ok().map(|(ready, _)| ready)
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.waiting.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use tokio::sync::mpsc;

    /// Reads once it is let, and says when it begins.
    fn read(
        name: &'static str,
        begins: &mpsc::UnboundedSender<&'static str>,
    ) -> (BoxFuture<'static, Ready>, oneshot::Sender<()>) {
        let (go, waits) = oneshot::channel();
        let begins = begins.clone();
        let read = async move {
            begins.send(name).unwrap();
            // Whoever is not told to go on goes on.
            let _ = waits.await;
            Ready::new(name)
        };
        (read.boxed(), go)
    }

    #[tokio::test]
    async fn one_reads_after_the_other_as_long_as_there_is_room() {
        let ahead = ReadAhead::new(100 * GRAIN, Handle::current());
        let (begins, mut begun) = mpsc::unbounded_channel();
        let (first, go_first) = read("first", &begins);
        let (second, _) = read("second", &begins);
        let (third, _) = read("third", &begins);
        let (large, _) = read("large", &begins);
        assert!(ahead.begin(100 * GRAIN + 1, large).is_none(), "there is never room for it");
        let first = ahead.begin(40 * GRAIN, first).unwrap();
        let second = ahead.begin(40 * GRAIN, second).unwrap();
        let third = ahead.begin(40 * GRAIN, third).unwrap();
        assert_eq!(begun.recv().await, Some("first"));
        assert!(begun.try_recv().is_err(), "two read at once");
        go_first.send(()).unwrap();
        assert_eq!(begun.recv().await, Some("second"));
        assert_eq!(second.take().await.and_then(Ready::take::<&str>), Some("second"));
        assert_eq!(begun.recv().await, Some("third"), "there is room again");
        assert_eq!(first.take().await.and_then(Ready::take::<&str>), Some("first"));
        assert_eq!(third.take().await.and_then(Ready::take::<&str>), Some("third"));
    }

    #[tokio::test]
    async fn a_thread_that_comes_first_reads_for_itself() {
        let ahead = ReadAhead::new(100 * GRAIN, Handle::current());
        let (begins, mut begun) = mpsc::unbounded_channel();
        let (first, go_first) = read("first", &begins);
        let (second, _) = read("second", &begins);
        let (third, _) = read("third", &begins);
        let first = ahead.begin(GRAIN, first).unwrap();
        let second = ahead.begin(GRAIN, second).unwrap();
        assert_eq!(begun.recv().await, Some("first"));
        assert!(second.take().await.is_none(), "it has not begun");
        let third = ahead.begin(GRAIN, third).unwrap();
        go_first.send(()).unwrap();
        assert_eq!(begun.recv().await, Some("third"), "and never begins");
        drop(first);
        assert_eq!(third.take().await.and_then(Ready::take::<&str>), Some("third"));
        assert_eq!(ahead.room.available_permits(), 100, "all room is given back");
    }
}
