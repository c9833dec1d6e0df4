//! How often the ResourceManager is called: often while something is asked for and things happen, rarely else. A full queue
//! can keep an application waiting for hours; nothing is gained by asking ten times a second all the while.

use std::time::Duration;

use bobbin_core::Pace;
use tokio::time::Instant;

/// Between two calls while things happen: a grant is seen soon after the NodeManager's heartbeat made it.
pub(super) const FAST: Duration = Duration::from_millis(100);
/// Between two calls while all is quiet.
const SLOW: Duration = Duration::from_secs(1);
/// Calls stay fast for so long after something has happened.
const LIVELY: Duration = Duration::from_secs(5);

/// The pause between calls, as it grows.
#[derive(Debug)]
pub(super) struct Rhythm {
    /// When something happened last: a wish of ours, or a container that came or went.
    stirred: Instant,
    pause: Duration,
}

impl Rhythm {
    /// A rhythm that begins fast.
    pub(super) fn new(now: Instant) -> Rhythm {
        Rhythm { stirred: now, pause: FAST }
    }

    /// Something has happened.
    pub(super) fn stir(&mut self, now: Instant) {
        self.stirred = now;
    }

    /// The pause before the next call, where the core wants `pace`.
    pub(super) fn pause(&mut self, pace: Option<Pace>, now: Instant) -> Duration {
        self.pause = match pace {
            Some(Pace::Fast) if now.duration_since(self.stirred) < LIVELY => FAST,
            Some(Pace::Fast) => (self.pause * 2).min(SLOW),
            Some(Pace::Slow) | None => SLOW,
        };
        self.pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_slows_down_where_nothing_comes_of_asking() {
        let mut now = Instant::now();
        let mut rhythm = Rhythm::new(now);
        let mut calls = 0;
        let begin = now;
        while now < begin + Duration::from_secs(60) {
            now += rhythm.pause(Some(Pace::Fast), now);
            calls += 1;
        }
        assert!((100..=110).contains(&calls), "{calls} calls in a minute");
        rhythm.stir(now);
        assert_eq!(rhythm.pause(Some(Pace::Fast), now), FAST);
        assert_eq!(rhythm.pause(Some(Pace::Slow), now), SLOW);
        assert_eq!(rhythm.pause(None, now), SLOW);
    }
}
