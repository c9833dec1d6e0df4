//! Which tasks wait for tasks of their own: said by the tasks, heard by the worker's loop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bobbin_task::Pauses;
use tokio::sync::Notify;

use crate::attempt::Key;

/// What tasks have said and the loop has not heard. Only the last word of each counts, so that it cannot grow.
#[derive(Clone, Default)]
pub(crate) struct PauseBox(Arc<Inner>);

#[derive(Default)]
struct Inner {
    said: Mutex<BTreeMap<Key, bool>>,
    more: Notify,
}

impl PauseBox {
    /// For one attempt.
    pub fn of(&self, key: Key) -> Pauses {
        let inner = Arc::clone(&self.0);
        Pauses::new(move |waits| {
            inner.said.lock().unwrap_or_else(PoisonError::into_inner).insert(key, waits);
            inner.more.notify_one();
        })
    }

    /// What was said since the last time, as soon as there is something.
    pub async fn take(&self) -> BTreeMap<Key, bool> {
        loop {
            let said = std::mem::take(&mut *self.0.said.lock().unwrap_or_else(PoisonError::into_inner));
            if !said.is_empty() {
                return said;
            }
            self.0.more.notified().await;
        }
    }
}
