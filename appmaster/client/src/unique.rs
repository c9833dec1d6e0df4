//! Names that are used once.

use std::time::{SystemTime, UNIX_EPOCH};

/// A text that no other process of ours uses: process ids alone repeat, after a while and between containers that share a
/// directory.
pub fn unique() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", std::process::id(), now.as_nanos())
}
