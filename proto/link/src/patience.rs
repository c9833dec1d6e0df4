//! Whether it pays to look again and again for what comes soon, instead of sleeping until somebody wakes this thread.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// Longest time to look: about what it costs two threads that one wakes the other.
const LONGEST: Duration = Duration::from_micros(30);

/// How often in a row it may be in vain.
const TRUST: u32 = 16;

/// What is learned at one place of waiting: whether what is waited for comes within microseconds. Where it does not, nobody
/// looks for long; where there is one core, nobody looks at all, because whoever brings it needs that.
pub struct Patience(AtomicU32);

impl Default for Patience {
    fn default() -> Self {
        Patience(AtomicU32::new(TRUST))
    }
}

impl Patience {
    /// Looks for a short while until something is there. False when it is not: it is time to sleep.
    pub fn look(&self, mut is_there: impl FnMut() -> bool) -> bool {
        let trust = self.0.load(Ordering::Relaxed);
        if is_there() {
            return true;
        }
        if trust == 0 || !has_cores() {
            return false;
        }
        let began = Instant::now();
        loop {
            for _ in 0..16 {
                if is_there() {
                    self.0.store(TRUST, Ordering::Relaxed);
                    return true;
                }
                std::hint::spin_loop();
            }
            if began.elapsed() > LONGEST {
                self.0.store(trust - 1, Ordering::Relaxed);
                return false;
            }
        }
    }

    /// Something came after so long a sleep.
    pub fn slept(&self, time: Duration) {
        if time < LONGEST {
            self.0.store(TRUST, Ordering::Relaxed);
        }
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
    fn what_never_comes_soon_is_looked_for_once() {
        let patience = Patience::default();
        for _ in 0..TRUST {
            assert!(!patience.look(|| false));
        }
        let looks = Cell::new(0);
        let look = || {
            looks.set(looks.get() + 1);
            false
        };
        assert!(!patience.look(look));
        assert_eq!(looks.get(), 1);
        patience.slept(Duration::from_micros(1));
        assert!(!patience.look(look));
        assert!(looks.get() > 2 || !has_cores());
    }
}
