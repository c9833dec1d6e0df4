//! What a driver knows of one future: where its task is, and what became of it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bobbin_proto as wire;
use bytes::Bytes;
use tokio::sync::Notify;

use super::Wishes;
use super::queue::Wish;
use super::recipe::Recipe;
use crate::driver::Driver;

/// What a future is called by: equal for equal calls, so that they are made once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key(pub [u8; 16]);

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Number of a job in the conversation, and of the task in it.
pub(crate) type Address = (u32, u32);

/// What became of a task.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// It waits or runs, or its result is made again.
    Open,
    /// Its result is there, announced for the n-th time.
    Ready(u64, Arc<wire::ResultReady>),
    /// It has no result and, unless it is run again, never will.
    Failed(Ended),
}

/// How a task ended without a result.
#[derive(Clone, Debug)]
pub(crate) enum Ended {
    /// The application says so.
    Failed {
        /// What the user should read.
        message: Arc<str>,
        /// The exit code that this deserves; 0 when it names none.
        exit_code: u32,
    },
    /// The conversation is over.
    Gone(Arc<str>),
}

/// One future, whoever holds it.
pub(crate) struct Slot {
    /// The function, or the dataset that it came from.
    of: Cow<'static, str>,
    pub key: Key,
    row: Mutex<Row>,
    changed: Notify,
}

/// How many tasks of a job run, as the application said last.
#[derive(Default)]
pub(crate) struct Running(AtomicU32);

impl Running {
    /// So many.
    pub fn set(&self, count: u32) {
        self.0.store(count, Ordering::Relaxed);
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed) as usize
    }
}

struct Row {
    address: Option<Address>,
    /// Of its job, if that is one of ours.
    running: Option<Arc<Running>>,
    fate: Fate,
    /// Is its task run to its end, whoever holds it?
    detached: bool,
    announced: u64,
    /// How its result is made, until it is there.
    recipe: Option<Arc<Recipe>>,
    /// Who holds it.
    claims: Vec<Weak<Claim>>,
    listeners: Vec<(Weak<Completions>, usize)>,
}

/// Futures that are settled, in the order in which they became so: each by the number that its reader gave it.
#[derive(Default)]
pub(crate) struct Completions {
    queue: Mutex<VecDeque<usize>>,
    more: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here panics half way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    /// Of a call that nobody has submitted yet.
    pub fn new(of: impl Into<Cow<'static, str>>, key: Key) -> Slot {
        let row = Row {
            address: None,
            running: None,
            fate: Fate::Open,
            detached: false,
            announced: 0,
            recipe: None,
            claims: Vec::new(),
            listeners: Vec::new(),
        };
        Slot { of: of.into(), key, row: Mutex::new(row), changed: Notify::new() }
    }

    /// What it is called: the function and the beginning of the key.
    pub fn name(&self) -> String {
        format!("{} {}", self.of, &self.key.to_string()[..8])
    }

    /// Where its task is, once it was submitted.
    pub fn address(&self) -> Option<Address> {
        lock(&self.row).address
    }

    /// Its result is made so.
    pub fn made_by(&self, recipe: &Arc<Recipe>) {
        lock(&self.row).recipe = Some(Arc::clone(recipe));
    }

    /// How its result is made. Not known where others have submitted it, or where it was there once.
    pub fn recipe(&self) -> Option<Arc<Recipe>> {
        lock(&self.row).recipe.clone()
    }

    /// Nobody needs this slot: how its result would have been made.
    pub fn into_recipe(self) -> Option<Arc<Recipe>> {
        self.row.into_inner().unwrap_or_else(PoisonError::into_inner).recipe
    }

    /// Somebody holds it.
    pub fn held_by(&self, claim: &Arc<Claim>) {
        let mut row = lock(&self.row);
        row.claims.retain(|claim| claim.strong_count() > 0);
        row.claims.push(Arc::downgrade(claim));
    }

    /// Somebody who holds it, if anybody does.
    pub fn holder(&self) -> Option<Arc<Claim>> {
        lock(&self.row).claims.iter().find_map(Weak::upgrade)
    }

    /// It has failed, and is to be run again.
    pub fn reopen(&self) {
        let mut row = lock(&self.row);
        if matches!(row.fate, Fate::Failed(Ended::Failed { .. })) {
            row.fate = Fate::Open;
        }
    }

    /// It is run again: whatever was heard of it until now is of the call before, whose result nobody keeps.
    pub fn begins_again(&self, recipe: &Arc<Recipe>) {
        let mut row = lock(&self.row);
        row.fate = Fate::Open;
        row.recipe = Some(Arc::clone(recipe));
    }

    /// It is this task, of a job of others.
    pub fn is_at(&self, address: Address) {
        lock(&self.row).address = Some(address);
    }

    /// It was submitted as this task.
    pub fn submitted_as(&self, address: Address, running: &Arc<Running>) {
        let mut row = lock(&self.row);
        row.address = Some(address);
        row.running = Some(Arc::clone(running));
    }

    /// Its task is to be run to its end.
    pub fn detach(&self) {
        lock(&self.row).detached = true;
    }

    /// Is its task to be run to its end, and not there yet?
    pub fn is_errand(&self) -> bool {
        let row = lock(&self.row);
        row.detached && matches!(row.fate, Fate::Open)
    }

    /// How many tasks of its job run, if we have submitted it.
    pub fn running(&self) -> Option<Arc<Running>> {
        lock(&self.row).running.clone()
    }

    /// What became of it so far.
    pub fn fate(&self) -> Fate {
        lock(&self.row).fate.clone()
    }

    /// Is its end not known yet?
    pub fn is_open(&self) -> bool {
        matches!(lock(&self.row).fate, Fate::Open)
    }

    /// Its result is there.
    pub fn ready(&self, mut ready: wire::ResultReady) {
        // It is a piece of all that was read at once.
        ready.inline = Bytes::copy_from_slice(&ready.inline);
        let ready = Arc::new(ready);
        self.settle(|row| {
            row.announced += 1;
            Fate::Ready(row.announced, ready)
        });
    }

    /// Its result is gone, and is made again.
    pub fn lost(&self) {
        let mut row = lock(&self.row);
        if matches!(row.fate, Fate::Ready(..)) {
            row.fate = Fate::Open;
        }
    }

    /// It has no result. Whatever is said later does not count, unless it is run again.
    pub fn failed(&self, ended: Ended) {
        self.settle(|_| Fate::Failed(ended));
    }

    fn settle(&self, fate: impl FnOnce(&mut Row) -> Fate) {
        let mut row = lock(&self.row);
        if matches!(row.fate, Fate::Failed(_)) {
            return;
        }
        row.fate = fate(&mut row);
        // What could be run again is what has no result.
        let done = if matches!(row.fate, Fate::Ready(..)) { row.recipe.take() } else { None };
        let listeners = std::mem::take(&mut row.listeners);
        // Whoever is woken looks at it at once.
        drop(row);
        drop(done);
        for (listener, number) in listeners {
            if let Some(listener) = listener.upgrade() {
                listener.push(number);
            }
        }
        self.changed.notify_waiters();
    }

    /// Waits until it is ready or has failed; `not` is an announcement that turned out to be stale.
    pub async fn settled(&self, not: Option<u64>) -> Fate {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            match self.fate() {
                Fate::Open => {}
                Fate::Ready(announced, _) if Some(announced) == not => {}
                fate @ (Fate::Ready(..) | Fate::Failed(_)) => return fate,
            }
            let _pause = bobbin_task::running().map(|task| task.pauses.begin());
            changed.await;
        }
    }

    /// Puts this number there once it is settled, which may be at once.
    pub fn tell(&self, listener: &Arc<Completions>, number: usize) {
        let mut row = lock(&self.row);
        match row.fate {
            Fate::Open => row.listeners.push((Arc::downgrade(listener), number)),
            Fate::Ready(..) | Fate::Failed(_) => listener.push(number),
        }
    }
}

impl Completions {
    fn push(&self, number: usize) {
        lock(&self.queue).push_back(number);
        self.more.notify_one();
    }

    /// The next one, as soon as there is one. For one reader.
    pub async fn next(&self) -> usize {
        loop {
            if let Some(number) = lock(&self.queue).pop_front() {
                return number;
            }
            let _pause = bobbin_task::running().map(|task| task.pauses.begin());
            self.more.notified().await;
        }
    }
}

/// Somebody's interest in a future: with the last one its result goes, or its task ends.
pub(crate) struct Claim {
    pub slot: Arc<Slot>,
    /// May an equal call find it?
    pub known: bool,
    pub wishes: Arc<Wishes>,
    /// Keeps the conversation up as long as there are futures.
    pub driver: Driver,
}

impl Claim {
    /// On a future that this conversation knows.
    pub fn of(slot: Arc<Slot>, known: bool, (wishes, driver): (&Arc<Wishes>, &Driver)) -> Arc<Claim> {
        let claim = Arc::new(Claim { slot, known, wishes: Arc::clone(wishes), driver: driver.clone() });
        claim.slot.held_by(&claim);
        claim
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.known {
            self.wishes.forget(&self.slot);
        }
        self.wishes.push(Wish::Drop(Arc::clone(&self.slot)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> Arc<Slot> {
        Arc::new(Slot::new("f", Key([0; 16])))
    }

    fn failure() -> Ended {
        Ended::Failed { message: "no".into(), exit_code: 1 }
    }

    #[tokio::test]
    async fn whoever_waits_hears_of_it() {
        let slot = slot();
        let waiting = tokio::spawn({
            let slot = Arc::clone(&slot);
            async move { matches!(slot.settled(None).await, Fate::Ready(1, _)) }
        });
        tokio::task::yield_now().await;
        slot.ready(wire::ResultReady::default());
        assert!(waiting.await.unwrap());
    }

    #[tokio::test]
    async fn a_stale_announcement_is_waited_beyond() {
        let slot = slot();
        slot.ready(wire::ResultReady::default());
        slot.lost();
        slot.ready(wire::ResultReady::default());
        assert!(matches!(slot.settled(Some(1)).await, Fate::Ready(2, _)));
    }

    #[tokio::test]
    async fn a_failure_is_final() {
        let slot = slot();
        slot.failed(failure());
        slot.ready(wire::ResultReady::default());
        assert!(matches!(slot.settled(None).await, Fate::Failed(Ended::Failed { exit_code: 1, .. })));
    }

    #[tokio::test]
    async fn completions_come_in_their_order() {
        let (first, second, completions) = (slot(), slot(), Arc::new(Completions::default()));
        first.tell(&completions, 0);
        second.ready(wire::ResultReady::default());
        second.tell(&completions, 1);
        first.failed(failure());
        assert_eq!((completions.next().await, completions.next().await), (1, 0));
    }
}
