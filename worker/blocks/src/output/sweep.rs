//! Staging directories that dead drivers left.

use std::time::{Duration, SystemTime};

use super::staging::{Layout, attempts, old};
use super::store::Store;
use crate::error::WriteError;

/// Nothing has changed for so long: nobody works there any more.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes the stale staging directories of this destination; gives back what one of them was about to replace, if
/// nothing has taken its place. What fails is left to the next output.
pub(super) async fn sweep(store: &Store, layout: &Layout, now: SystemTime) {
    let now_ms = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let stale_ms = u64::try_from(now_ms.saturating_sub(STALE.as_millis())).unwrap_or(u64::MAX);
    // A parent that is missing or cannot be listed is the business of whoever makes the staging directory.
    let Ok(children) = store.children(layout.parent()).await else { return };
    let parent = layout.parent().trim_end_matches('/');
    for (name, found) in children {
        if !name.starts_with(layout.prefix()) || !found.is_directory || found.modified_ms >= stale_ms {
            continue;
        }
        let root = format!("{parent}/{name}");
        if let Err(error) = sweep_one(store, layout.destination(), &root, stale_ms).await {
            let staging = store.url(&root);
            tracing::warn!(%staging, %error, "an abandoned staging directory stays behind");
        }
    }
}

async fn sweep_one(store: &Store, destination: &str, root: &str, stale_ms: u64) -> Result<(), WriteError> {
    let mut inside = store.children(root).await?;
    if inside.iter().any(|(name, _)| name == "attempts") {
        inside.extend(store.children(&attempts(root)).await?);
    }
    if inside.iter().any(|(name, found)| name != "old" && found.modified_ms >= stale_ms) {
        return Ok(());
    }
    let staging = store.url(root);
    let kept = inside.iter().any(|(name, _)| name == "old");
    if kept && store.look(destination).await?.is_none() {
        store.move_directory(&old(root), destination).await?;
        tracing::warn!(%staging, "a driver died while it replaced its output; what was there before is back");
    }
    store.remove_tree(root).await?;
    tracing::info!(%staging, "removed an abandoned staging directory");
    Ok(())
}
