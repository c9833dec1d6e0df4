//! Whether it pays to look again and again for what comes soon, instead of sleeping until somebody wakes this thread.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// Longest time to look: somewhat more than one thread takes to wake another, so that of two that work for each other one that
/// looks is there when the other one, which slept, has done its part.
const LONGEST: Duration = Duration::from_micros(100);

/// How often in a row it may be in vain.
const TRUST: u32 = 16;

/// What is learned at one place of waiting: whether what is waited for comes within microseconds. Where it does not, a thread
/// looks one time in sixteen; where there is one core, never, because whoever brings it needs that.
#[derive(Default)]
pub struct Patience {
    /// In vain so often in a row.
    in_vain: AtomicU32,
}

impl Patience {
    /// Looks for a short while until something is there. False when it is not: it is time to sleep.
    pub fn look(&self, mut is_there: impl FnMut() -> bool) -> bool {
        if is_there() {
            return true;
        }
        let in_vain = self.in_vain.fetch_add(1, Ordering::Relaxed);
        if !has_cores() || (in_vain >= TRUST && !in_vain.is_multiple_of(TRUST)) {
            return false;
        }
        let began = Instant::now();
        while began.elapsed() < LONGEST {
            for _ in 0..16 {
                if is_there() {
                    self.in_vain.store(0, Ordering::Relaxed);
                    return true;
                }
                std::hint::spin_loop();
            }
        }
        false
    }
}

fn has_cores() -> bool {
    static CORES: OnceLock<bool> = OnceLock::new();
    *CORES.get_or_init(|| available_parallelism().is_ok_and(|cores| cores.get() > 1))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_never_comes_soon_is_seldom_looked_for() {
        let patience = Patience::default();
        let looks = Cell::new(0);
        let look = |comes: u32| {
            looks.set(0);
            patience.look(|| {
                looks.set(looks.get() + 1);
                looks.get() > comes
            })
        };
        for _ in 0..TRUST {
            assert!(!look(u32::MAX));
        }
        if !has_cores() {
            return;
        }
        // It looks once more, in vain, and then not for some time.
        assert!(!look(u32::MAX));
        for _ in 1..TRUST {
            assert!(!look(3));
        }
        assert!(look(3), "one time in sixteen");
        assert!(look(3), "and again, because it was of use");
    }
}
