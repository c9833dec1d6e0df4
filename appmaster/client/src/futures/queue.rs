//! What drivers' programs want of the conversation, until it gets to it.
//!
//! Submitting and dropping a future never waits. A submission wakes the conversation; what is only dropped goes with the next
//! one, or when the conversation looks for it a little later. What is queued is bounded by what the program holds: a submission by the
//! future that stands for it, a drop by the future that it ends.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bobbin_link::{Patience, Strand};
use tokio::sync::Notify;

use super::recipe::Recipe;
use super::slot::{Claim, Ended, Fate, Key, Slot};

/// One call, as the conversation submits it.
pub(crate) struct Spec {
    pub recipe: Arc<Recipe>,
    /// The futures that it reads, which live at least until it was submitted.
    pub inputs: Vec<Arc<Claim>>,
    /// No other call is equal to it.
    pub once: bool,
}

/// One wish.
pub(crate) enum Wish {
    /// Run this.
    Submit(Arc<Slot>, Spec),
    /// Run this again, which has failed.
    Retry(Arc<Slot>, Spec),
    /// Nobody wants its result any more.
    Drop(Arc<Slot>),
    /// It is to end now.
    Cancel(Arc<Slot>),
}

/// The wishes of all clones of a driver, in order.
pub(crate) struct Wishes {
    queue: Mutex<Queue>,
    more: Notify,
    /// Where the conversation goes on, if whoever wishes can take it there.
    strand: Option<Strand>,
    /// Was what was submitted last alone?
    quick: AtomicBool,
    /// Of those who wait for what they have just submitted alone.
    patience: Patience,
    /// Calls that somebody holds a future of.
    known: Mutex<HashMap<Key, Weak<Claim>>>,
}

#[derive(Default)]
struct Queue {
    wishes: Vec<Wish>,
    /// Can one of them not wait?
    urgent: bool,
    /// Will the conversation come soon, whether it is woken or not?
    attended: bool,
    /// What was submitted last.
    latest: Weak<Slot>,
    /// Why nothing is taken any more.
    closed: Option<Arc<str>>,
}

impl Queue {
    fn take(&mut self) -> Vec<Wish> {
        self.urgent = false;
        std::mem::take(&mut self.wishes)
    }

    /// Is this a call that is alone, rather than one of many?
    fn is_alone(&mut self, wish: &Wish) -> bool {
        let Wish::Submit(slot, _) = wish else { return false };
        let before = std::mem::replace(&mut self.latest, Arc::downgrade(slot));
        before.upgrade().is_none_or(|slot| !slot.is_open())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here panics half way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wishes {
    /// Of a conversation that goes on in this strand, or in whoever's task.
    pub fn new(strand: Option<Strand>) -> Wishes {
        Wishes {
            queue: Mutex::default(),
            more: Notify::new(),
            strand,
            quick: AtomicBool::new(false),
            patience: Patience::default(),
            known: Mutex::default(),
        }
    }

    /// Takes a wish. A call that is alone is said to the application at once, by this thread; what comes while it runs is
    /// gathered by the conversation's.
    pub fn push(&self, wish: Wish) {
        let mut queue = lock(&self.queue);
        match (&queue.closed, &wish) {
            (None, _) => {
                queue.urgent |= !matches!(wish, Wish::Drop(_)) || !queue.attended;
                let alone = queue.is_alone(&wish);
                queue.wishes.push(wish);
                let wakes = queue.urgent;
                drop(queue);
                match &self.strand {
                    // A task's thread has to get back to its task.
                    Some(strand) if alone && bobbin_task::running().is_none() => {
                        strand.follow(|| self.more.notify_one());
                        self.quick.store(true, Ordering::Relaxed);
                    }
                    Some(_) | None if wakes => self.more.notify_one(),
                    Some(_) | None => {}
                }
            }
            (Some(why), Wish::Submit(slot, _) | Wish::Retry(slot, _)) => slot.failed(Ended::Gone(Arc::clone(why))),
            (Some(_), Wish::Drop(_) | Wish::Cancel(_)) => {}
        }
    }

    /// Waits for the end of a future; `not` is an announcement that turned out to be stale.
    pub async fn settled(&self, slot: &Slot, not: Option<u64>) -> Fate {
        if self.quick.swap(false, Ordering::Relaxed) && bobbin_task::running().is_none() {
            self.patience.look(|| !slot.is_open());
        }
        slot.settled(not).await
    }

    /// All wishes so far.
    pub fn take_now(&self) -> Vec<Wish> {
        lock(&self.queue).take()
    }

    /// All wishes so far, as soon as there is one that cannot wait. Whoever asks is to [`Wishes::attend`] a little later.
    pub async fn take(&self) -> Vec<Wish> {
        loop {
            {
                let mut queue = lock(&self.queue);
                if queue.urgent {
                    queue.attended = true;
                    return queue.take();
                }
            }
            self.more.notified().await;
        }
    }

    /// All wishes so far. If there are some, there may soon be more, and whoever asks is to do so again; if not, the next one
    /// wakes him.
    pub fn attend(&self) -> Vec<Wish> {
        let mut queue = lock(&self.queue);
        queue.attended = !queue.wishes.is_empty();
        queue.take()
    }

    /// Takes no more: the conversation is over. What was not looked at fails.
    pub fn close(&self, why: &Arc<str>) {
        let left = {
            let mut queue = lock(&self.queue);
            queue.closed = Some(Arc::clone(why));
            std::mem::take(&mut queue.wishes)
        };
        for wish in left {
            if let Wish::Submit(slot, _) | Wish::Retry(slot, _) = wish {
                slot.failed(Ended::Gone(Arc::clone(why)));
            }
        }
    }

    /// The future of this call, if somebody holds one, else the one that `make` makes, which is then submitted.
    pub fn submit(&self, key: Key, make: impl FnOnce() -> Arc<Claim>, spec: Spec) -> Arc<Claim> {
        let claim = match spec.once {
            true => make(),
            false => match self.known_or(key, make) {
                (claim, true) => return claim,
                (claim, false) => claim,
            },
        };
        claim.slot.made_by(&spec.recipe);
        self.push(Wish::Submit(Arc::clone(&claim.slot), spec));
        claim
    }

    /// The future of this call, and whether it was known before.
    fn known_or(&self, key: Key, make: impl FnOnce() -> Arc<Claim>) -> (Arc<Claim>, bool) {
        // Dropped after the lock is: the last claim to a future asks for it.
        let before;
        let mut known = lock(&self.known);
        before = known.get(&key).and_then(Weak::upgrade);
        // A call that was stopped may be made again.
        if let Some(claim) = before.as_ref().filter(|claim| !matches!(claim.slot.fate(), Fate::Failed(_))) {
            return (Arc::clone(claim), true);
        }
        let claim = make();
        known.insert(key, Arc::downgrade(&claim));
        (claim, false)
    }

    /// The last holder of a call's future is gone.
    pub fn forget(&self, slot: &Slot) {
        let mut known = lock(&self.known);
        if known.get(&slot.key).is_some_and(|claim| claim.strong_count() == 0) {
            known.remove(&slot.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn dropped() -> Wish {
        Wish::Drop(Arc::new(Slot::new("f", Key([0; 16]))))
    }

    #[tokio::test]
    async fn what_is_dropped_waits_for_whoever_comes_anyway() {
        let wishes = Wishes::new(None);
        wishes.push(dropped());
        assert_eq!(wishes.take().await.len(), 1, "nobody would come otherwise");
        wishes.push(dropped());
        assert!(wishes.take().now_or_never().is_none());
        assert_eq!(wishes.attend().len(), 1);
        wishes.push(dropped());
        wishes.push(Wish::Cancel(Arc::new(Slot::new("f", Key([0; 16])))));
        assert_eq!(wishes.take().await.len(), 2, "what cannot wait takes along what can");
        assert_eq!(wishes.attend().len(), 0);
        wishes.push(dropped());
        assert_eq!(wishes.take().await.len(), 1, "nobody comes any more");
    }
}
