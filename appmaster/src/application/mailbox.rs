//! Where the application's wishes wait for YARN: merged as they come, so that what waits is bounded by what is wished.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bobbin_core::{AskRow, ContainerId, Pace, Place, RequestId};
use tokio::sync::Notify;

/// The end that the application puts wishes into.
#[derive(Clone)]
pub struct Mailbox {
    shared: Arc<Shared>,
}

/// The end that the YARN side empties.
pub struct Outbox {
    shared: Arc<Shared>,
}

/// What is to be told to YARN.
#[derive(Debug, Default)]
pub struct Wishes {
    /// Rows for the next allocate call, by what they replace.
    pub asks: BTreeMap<(RequestId, Place), AskRow>,
    /// Containers to give back.
    pub releases: BTreeSet<ContainerId>,
    /// Containers to start a worker in.
    pub launches: BTreeSet<ContainerId>,
    /// Hosts that must get nothing more.
    pub blacklist: BTreeSet<Arc<str>>,
    /// How often to call.
    pub pace: Option<Pace>,
    /// Share of the work that is done.
    pub progress: f32,
}

struct Shared {
    wishes: Mutex<Wishes>,
    changed: Notify,
}

impl Mailbox {
    /// A mailbox and its other end.
    pub fn new() -> (Mailbox, Outbox) {
        let shared = Arc::new(Shared { wishes: Mutex::default(), changed: Notify::new() });
        (Mailbox { shared: shared.clone() }, Outbox { shared })
    }

    pub(crate) fn ask(&self, rows: Vec<AskRow>) {
        self.change(|wishes| wishes.asks.extend(rows.into_iter().map(|row| ((row.request, row.place.clone()), row))));
    }

    pub(crate) fn release(&self, container: ContainerId) {
        self.change(|wishes| {
            wishes.launches.remove(&container);
            wishes.releases.insert(container);
        });
    }

    pub(crate) fn launch(&self, container: ContainerId) {
        self.change(|wishes| {
            wishes.launches.insert(container);
        });
    }

    pub(crate) fn blacklist(&self, hosts: Vec<Arc<str>>) {
        self.change(|wishes| wishes.blacklist.extend(hosts));
    }

    pub(crate) fn state(&self, pace: Pace, progress: f32) {
        let mut wishes = self.shared.lock();
        let faster = pace == Pace::Fast && wishes.pace != Some(Pace::Fast);
        wishes.pace = Some(pace);
        wishes.progress = progress;
        drop(wishes);
        if faster {
            self.shared.changed.notify_one();
        }
    }

    fn change(&self, edit: impl FnOnce(&mut Wishes)) {
        edit(&mut self.shared.lock());
        self.shared.changed.notify_one();
    }
}

impl Outbox {
    /// Resolves when there is something new since the last call of [`Self::take`].
    pub async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// Takes everything out; pace and progress stay as they are for the next time.
    pub fn take(&self) -> Wishes {
        let mut wishes = self.shared.lock();
        let (pace, progress) = (wishes.pace, wishes.progress);
        std::mem::replace(&mut *wishes, Wishes { pace, progress, ..Wishes::default() })
    }
}

impl Shared {
    /// Every edit leaves the wishes whole, so a panic elsewhere does not make them wrong.
    fn lock(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(request: u64, count: u32) -> AskRow {
        AskRow { request: RequestId(request), place: Place::Any, count, relax_locality: true }
    }

    #[tokio::test]
    async fn later_wishes_replace_earlier_ones() {
        let (mailbox, outbox) = Mailbox::new();
        mailbox.ask(vec![row(1, 3), row(2, 1)]);
        mailbox.ask(vec![row(1, 0)]);
        mailbox.launch(ContainerId(5));
        mailbox.release(ContainerId(5));
        mailbox.state(Pace::Fast, 0.5);
        outbox.changed().await;
        let wishes = outbox.take();
        assert_eq!(wishes.asks.values().map(|row| row.count).collect::<Vec<_>>(), [0, 1]);
        assert!(wishes.launches.is_empty(), "a released container is never launched");
        assert!(wishes.releases.contains(&ContainerId(5)));
        let empty = outbox.take();
        assert!(empty.asks.is_empty() && empty.releases.is_empty());
        assert_eq!((empty.pace, empty.progress), (Some(Pace::Fast), 0.5));
    }
}
