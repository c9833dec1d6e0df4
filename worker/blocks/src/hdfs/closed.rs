//! Ways that failed for all blocks of a DataNode, and until when they are left alone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Remembers by name: a socket's path, a DataNode's address.
#[derive(Debug, Default)]
pub(crate) struct ClosedWays {
    until: Mutex<HashMap<String, (Instant, String)>>,
}

impl ClosedWays {
    /// Why `way` is shut at this moment, if it is.
    pub(crate) fn reason(&self, way: &str, now: Instant) -> Option<String> {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let (end, reason) = until.get(way)?;
        if *end > now {
            return Some(reason.clone());
        }
        until.remove(way);
        None
    }

    /// Shuts `way` for a while.
    pub(crate) fn shut(&self, way: &str, reason: &str, now: Instant, pause: Duration) {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.insert(way.to_owned(), (now + pause, reason.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_opens_again_after_its_pause() {
        let (ways, now) = (ClosedWays::default(), Instant::now());
        ways.shut("/socket", "it refused", now, Duration::from_secs(600));
        assert_eq!(ways.reason("/socket", now + Duration::from_secs(599)).as_deref(), Some("it refused"));
        assert_eq!(ways.reason("/other", now), None);
        assert_eq!(ways.reason("/socket", now + Duration::from_secs(600)), None);
        assert_eq!(ways.reason("/socket", now), None);
    }
}
