//! Long work on a thread of its own, which ends early when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

/// Work that runs. Dropped before it is done, it is told to stop and waited for, so that nothing is left of what it was
/// writing.
pub struct Background<T> {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    outcome: oneshot::Receiver<T>,
}

impl<T: Send + 'static> Background<T> {
    /// Starts `work`, which looks at its flag now and then.
    pub fn start(work: impl FnOnce(&AtomicBool) -> T + Send + 'static) -> Background<T> {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, outcome) = oneshot::channel();
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            // Nobody may be there to hear it.
            let _ = told.send(work(&stopped));
        });
        Background { stop, thread: Some(thread), outcome }
    }

    /// Tells it to stop. What it then returns is its own business.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When the work has.
    pub async fn done(&mut self) -> T {
        loop {
            if let Ok(outcome) = (&mut self.outcome).await {
                return outcome;
            }
            // Its end of the channel is gone without a word: it has panicked, and joining it tells how.
            if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl<T> Drop for Background<T> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its failure is nobody's concern any more.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_waited_for() {
        assert_eq!(Background::start(|_| 7).done().await, 7);
    }

    #[tokio::test]
    async fn dropped_work_ends_before_the_drop_does() {
        let ended = Arc::new(AtomicBool::new(false));
        let flag = ended.clone();
        drop(Background::start(move |stop: &AtomicBool| {
            while !stop.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            flag.store(true, Ordering::Relaxed);
        }));
        assert!(ended.load(Ordering::Relaxed));
    }
}
