//! How much memory this process uses of what its container may: said when it is most of it, so that no more tasks come until it
//! is less. YARN kills a container that uses more than all of it.

use std::time::Duration;

use bobbin_proto as wire;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

/// How often it is looked at.
const PERIOD: Duration = Duration::from_millis(200);

/// Parts of a hundred from which on it is too much, and below which it is enough again.
const HIGH: u64 = 80;
const LOW: u64 = 65;

/// Says when this process begins to use most of so many bytes, and when it does not any more; until nobody listens.
pub(crate) async fn watch(reports: mpsc::Sender<wire::FromWorker>, limit: u64) {
    let (mut ticks, mut pressed) = (interval(PERIOD), false);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    if limit == 0 {
        return;
    }
    loop {
        ticks.tick().await;
        let Some(bytes) = resident() else { return };
        let now = is_pressed(pressed, bytes, limit);
        if now == pressed {
            continue;
        }
        pressed = now;
        let pressure = wire::MemoryPressure { pressed, bytes };
        let message = wire::FromWorker { message: Some(wire::from_worker::Message::MemoryPressure(pressure)) };
        if reports.send(message).await.is_err() {
            return;
        }
    }
}

fn is_pressed(before: bool, bytes: u64, limit: u64) -> bool {
    let threshold = if before { LOW } else { HIGH };
    bytes >= limit / 100 * threshold
}

/// Bytes of this process that are in memory, as YARN counts them.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let row = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = row.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_enough_again_only_well_below() {
        let limit = 1000;
        assert!(!is_pressed(false, 799, limit));
        assert!(is_pressed(false, 800, limit));
        assert!(is_pressed(true, 650, limit));
        assert!(!is_pressed(true, 649, limit));
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(resident().is_some_and(|bytes| bytes > 100_000));
    }
}
