//! Work on many pieces at once, whose results are taken in order, with a bounded number of them in memory.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Results that may wait for an earlier one, for each thread.
const AHEAD: usize = 2;

/// Makes pieces `0..count` on `threads` threads and hands them to `take`, on this thread, in order. Each thread has a
/// `state` of its own. The first failure, of either side, ends it and is returned.
pub(crate) fn in_order<S, T: Send, E: Send>(
    (count, threads): (usize, usize),
    state: impl Fn() -> S + Sync,
    make: impl Fn(&mut S, usize) -> Result<T, E> + Sync,
    mut take: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    let threads = threads.clamp(1, count.max(1));
    let belt =
        Belt { places: Mutex::new(Places::default()), moved: Condvar::new(), ahead: threads * (1 + AHEAD), count };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let _guard = Leave(&belt);
                let mut state = state();
                while let Some(index) = belt.claim() {
                    belt.put(index, make(&mut state, index));
                }
            });
        }
        let outcome = (0..count).try_for_each(|index| match belt.wait(index) {
            Some(result) => take(index, result?),
            // Its thread has died; joining it below tells how.
            None => Ok(()),
        });
        belt.stop();
        outcome
    })
}

/// Stops everybody when a thread ends in a panic, so that nobody waits for its piece.
struct Leave<'a, T, E>(&'a Belt<T, E>);

impl<T, E> Drop for Leave<'_, T, E> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

struct Belt<T, E> {
    places: Mutex<Places<T, E>>,
    moved: Condvar,
    /// Pieces that may be begun beyond the next one to be taken.
    ahead: usize,
    count: usize,
}

struct Places<T, E> {
    next: usize,
    taken: usize,
    ready: BTreeMap<usize, Result<T, E>>,
    stopped: bool,
}

impl<T, E> Default for Places<T, E> {
    fn default() -> Self {
        Places { next: 0, taken: 0, ready: BTreeMap::new(), stopped: false }
    }
}

impl<T, E> Belt<T, E> {
    fn lock(&self) -> MutexGuard<'_, Places<T, E>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(&self) -> Option<usize> {
        let mut places = self.lock();
        loop {
            if places.stopped || places.next == self.count {
                return None;
            }
            if places.next < places.taken + self.ahead {
                places.next += 1;
                return Some(places.next - 1);
            }
            places = self.moved.wait(places).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn put(&self, index: usize, result: Result<T, E>) {
        self.lock().ready.insert(index, result);
        self.moved.notify_all();
    }

    fn wait(&self, index: usize) -> Option<Result<T, E>> {
        let mut places = self.lock();
        loop {
            if let Some(result) = places.ready.remove(&index) {
                places.taken = index + 1;
                self.moved.notify_all();
                return Some(result);
            }
            if places.stopped {
                return None;
            }
            places = self.moved.wait(places).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whatever_takes_longest() {
        let slow = |_: &mut (), index: usize| {
            let turns = if index.is_multiple_of(7) { 200_000 } else { 10 };
            Ok::<_, String>((0..turns).fold(index, |sum, turn| std::hint::black_box(sum ^ turn ^ turn)))
        };
        let mut taken = Vec::new();
        in_order(
            (100, 4),
            || (),
            slow,
            |index, value| {
                assert_eq!(index, value);
                taken.push(value);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(taken, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_failure_ends_it() {
        let make = |_: &mut (), index: usize| if index == 5 { Err("made") } else { Ok(index) };
        let mut taken = 0;
        let outcome = in_order(
            (1000, 3),
            || (),
            make,
            |_, _| {
                taken += 1;
                Ok(())
            },
        );
        assert_eq!((outcome, taken), (Err("made"), 5));
        let outcome =
            in_order((1000, 3), || (), |_, index| Ok(index), |index, _| if index == 2 { Err("taken") } else { Ok(()) });
        assert_eq!(outcome, Err("taken"));
        assert_eq!(in_order((0, 3), || (), |_, index| Ok::<_, ()>(index), |_, _| Ok(())), Ok(()));
    }
}
