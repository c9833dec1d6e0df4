//! How fast a worker ends tasks, and so how many it is sent before it has threads for them.
//!
//! Tasks that take longer than it takes to send the next one need hardly any: what is queued at a worker cannot run elsewhere.
//! Of short ones a worker would mostly wait, and each would be a message and a wake-up of its own.

use std::time::Duration;

use crate::ids::Time;

/// A worker is sent as many tasks beyond its threads as it ends in this time: as long as it may take to hear of a report, and
/// to be heard.
const AHEAD: Duration = Duration::from_millis(10);

/// Tasks that a worker has beyond its threads, at most. What is queued is taken back one by one where it is too much.
pub const MOST_AHEAD: u32 = 64;

/// What a worker did lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tempo {
    since: Time,
    /// Tasks that it has ended since.
    ended: u32,
    ahead: u32,
}

impl Tempo {
    /// Of a worker that has done nothing yet.
    pub fn new(now: Time) -> Tempo {
        Tempo { since: now, ended: 0, ahead: 0 }
    }

    /// It has ended a task.
    pub fn count(&mut self, now: Time) {
        self.ended += 1;
        let passed = now.since(self.since);
        if passed < AHEAD {
            return;
        }
        let ahead = u128::from(self.ended) * AHEAD.as_millis() / passed.as_millis();
        *self = Tempo { ahead: u32::try_from(ahead).unwrap_or(MOST_AHEAD).min(MOST_AHEAD), ..Tempo::new(now) };
    }

    /// It is sent tasks that take so long, as far as their driver knows, and with so many threads ends them so fast.
    pub fn expect(&mut self, threads: u32, millis: f64) {
        let ahead = f64::from(threads) * AHEAD.as_millis() as f64 / millis;
        self.ahead = (ahead as u32).min(MOST_AHEAD);
    }

    /// Tasks that it is sent beyond its threads, at least so many; none if nobody is.
    pub fn ahead(&self, least: u32) -> u32 {
        if least == 0 { 0 } else { self.ahead.max(least) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_ends_many_tasks_is_sent_many() {
        let mut tempo = Tempo::new(Time(0));
        (0..20).for_each(|task| tempo.count(Time(task / 2)));
        assert_eq!(tempo.ahead(1), 1, "nothing is known yet");
        tempo.count(Time(10));
        assert_eq!((tempo.ahead(1), tempo.ahead(50), tempo.ahead(0)), (21, 50, 0));
        (0..5000).for_each(|task| tempo.count(Time(10 + task / 250)));
        assert_eq!(tempo.ahead(1), MOST_AHEAD);
        [5000, 9000].into_iter().for_each(|now| tempo.count(Time(now)));
        assert_eq!(tempo.ahead(1), 1, "tasks of seconds");
        tempo.expect(4, 2.0);
        assert_eq!(tempo.ahead(1), 20, "four threads end two tasks a millisecond");
        tempo.expect(4, 0.001);
        assert_eq!(tempo.ahead(1), MOST_AHEAD);
        tempo.expect(4, 3_600_000.0);
        assert_eq!(tempo.ahead(1), 1, "hours");
    }
}
