//! How far futures are: at one moment, as it changes, and as a line for people.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::future::Future;
use super::slot::{Claim, Fate, Running};
use crate::session::Session;

/// Counts are made at most this often; the application says as often what runs.
const PAUSE: Duration = Duration::from_millis(100);
/// Of the time, counting takes at most one part in so many.
const SHARE: u32 = 20;
/// A terminal that does not say how wide it is.
const USUAL_WIDTH: usize = 80;
/// The bar itself, at most.
const BAR: usize = 40;

/// How many of some futures are how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Tasks that wait for others, or for a worker.
    pub waiting: usize,
    /// Tasks that a worker has: they run, or are the next ones there. So many of each job as the application said last, at
    /// most ten times a second; where other futures were submitted together with these, it may mean theirs.
    pub running: usize,
    /// Futures whose results are there.
    pub done: usize,
    /// Futures that have failed, or were cancelled.
    pub failed: usize,
}

impl Progress {
    /// All of them.
    pub fn total(&self) -> usize {
        self.waiting + self.running + self.done + self.failed
    }

    /// Whether all are done or have failed.
    pub fn is_over(&self) -> bool {
        self.waiting + self.running == 0
    }

    fn of<'a>(claims: impl Iterator<Item = &'a Arc<Claim>>) -> Progress {
        let mut progress = Progress::default();
        // Of each job, how many are open and how many run.
        let mut jobs: HashMap<*const Running, (usize, usize)> = HashMap::new();
        for claim in claims {
            match claim.slot.fate() {
                Fate::Ready(..) => progress.done += 1,
                Fate::Failed(_) => progress.failed += 1,
                Fate::Open => {
                    progress.waiting += 1;
                    if let Some(running) = claim.slot.running() {
                        jobs.entry(Arc::as_ptr(&running)).or_insert_with(|| (0, running.count())).0 += 1;
                    }
                }
            }
        }
        progress.running = jobs.values().map(|&(open, running)| open.min(running)).sum();
        progress.waiting -= progress.running;
        progress
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {} done", self.done, self.total())?;
        let others = [(self.running, "running"), (self.failed, "failed")];
        others
            .iter()
            .filter(|(count, _)| *count > 0)
            .try_for_each(|(count, what)| write!(formatter, ", {count} {what}"))
    }
}

impl Session {
    /// How far these futures are now, as far as this driver knows.
    pub fn progress<T>(&self, futures: &[Future<T>]) -> Progress {
        Progress::of(futures.iter().map(Future::claim))
    }

    /// How far these futures are, whenever that changes; at most ten times a second. It keeps those that are not done.
    ///
    /// ```no_run
    /// # #[bobbin::task]
    /// # fn score(x: u64) -> u64 { x }
    /// # async fn example(session: bobbin::Session) {
    /// let scores = session.map(score, 1u64..=1000);
    /// let mut watch = session.watch(&scores);
    /// while let Some(progress) = watch.next().await {
    ///     println!("{progress}");
    /// }
    /// # }
    /// ```
    pub fn watch<T>(&self, futures: &[Future<T>]) -> Watch {
        Watch::default().and(futures)
    }

    /// Shows how far these futures are on standard error, until all are done or have failed. Where that is no terminal, it
    /// waits and shows nothing. Dropping it leaves the line as it is.
    ///
    /// ```no_run
    /// # #[bobbin::task]
    /// # fn score(x: u64) -> u64 { x }
    /// # async fn example(session: bobbin::Session) -> Result<(), Box<dyn std::error::Error>> {
    /// let scores = session.map(score, 1u64..=1000);
    /// session.progress_bar("scores", &scores).await;
    /// let scores = session.gather(&scores).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn progress_bar<T>(&self, name: &str, futures: &[Future<T>]) {
        self.watch(futures).bar(name).await;
    }
}

/// Futures that are watched. One that was done counts as done, even if its result is lost and made again.
#[derive(Default)]
pub struct Watch {
    open: Vec<Arc<Claim>>,
    settled: Progress,
    /// What was said last.
    told: Option<Progress>,
    /// Not before this is counted again.
    next: Option<Instant>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Watch({:?})", self.told)
    }
}

impl Watch {
    /// And these futures, of whatever type.
    #[must_use]
    pub fn and<T>(mut self, futures: &[Future<T>]) -> Watch {
        self.open.extend(futures.iter().map(|future| Arc::clone(future.claim())));
        self
    }

    /// How far they are: at once when this is called first, then when it has changed. After the last change, when all are
    /// done or have failed, nothing. If this is dropped while it waits, nothing is lost.
    pub async fn next(&mut self) -> Option<Progress> {
        if self.told.is_some_and(|told| told.is_over()) {
            return None;
        }
        loop {
            if let Some(next) = self.next {
                let _pause = bobbin_task::running().map(|task| task.pauses.begin());
                tokio::time::sleep_until(next).await;
            }
            let began = Instant::now();
            let progress = self.count();
            self.next = Some(began + PAUSE.max(began.elapsed() * SHARE));
            if self.told != Some(progress) {
                self.told = Some(progress);
                return Some(progress);
            }
        }
    }

    /// Shows them as [`Session::progress_bar`] does.
    pub async fn bar(mut self, name: &str) {
        let began = Instant::now();
        let terminal = io::stderr().is_terminal();
        while let Some(progress) = self.next().await {
            if terminal {
                let line = line(name, progress, began.elapsed(), width());
                let end = if progress.is_over() { "\n" } else { "" };
                // Whoever closed the terminal does not look.
                let _ = write!(io::stderr(), "\r{line}\x1b[K{end}");
            }
        }
    }

    fn count(&mut self) -> Progress {
        let settled = &mut self.settled;
        self.open.retain(|claim| match claim.slot.fate() {
            Fate::Open => true,
            Fate::Ready(..) => {
                settled.done += 1;
                false
            }
            Fate::Failed(_) => {
                settled.failed += 1;
                false
            }
        });
        // What has ended since is done for the next count.
        let mut now = Progress::of(self.open.iter());
        now.waiting += std::mem::take(&mut now.done) + std::mem::take(&mut now.failed);
        Progress { waiting: now.waiting, running: now.running, ..*settled }
    }
}

/// Columns of the terminal.
fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stderr());
    size.ok().map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0).unwrap_or(USUAL_WIDTH)
}

/// What is shown: shorter than the terminal is wide, so that it stays one line.
fn line(name: &str, progress: Progress, elapsed: Duration, width: usize) -> String {
    let text = format!("{progress}, {} s", elapsed.as_secs());
    let room = width.saturating_sub(name.chars().count() + text.chars().count() + 5).min(BAR);
    let settled = progress.done + progress.failed;
    let full = (room * settled).checked_div(progress.total()).unwrap_or(room);
    let bar = if room > 0 { format!("[{:<room$}] ", "=".repeat(full)) } else { String::new() };
    format!("{name} {bar}{text}").chars().take(width.saturating_sub(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_the_terminal() {
        let progress = Progress { waiting: 5, running: 2, done: 2, failed: 1 };
        let shown = |width| line("scores", progress, Duration::from_millis(2999), width);
        assert_eq!(shown(59), "scores [===       ] 2 of 10 done, 2 running, 1 failed, 2 s");
        assert_eq!(shown(54), "scores [=    ] 2 of 10 done, 2 running, 1 failed, 2 s");
        assert_eq!(shown(46), "scores 2 of 10 done, 2 running, 1 failed, 2 s");
        assert_eq!(shown(20), "scores 2 of 10 done");
        let over = Progress { done: 3, ..Progress::default() };
        let expected = format!("x [{}] 3 of 3 done, 0 s", "=".repeat(BAR));
        assert_eq!(line("x", over, Duration::ZERO, 200), expected);
        assert_eq!(line("x", Progress::default(), Duration::ZERO, 30), "x [========] 0 of 0 done, 0 s");
        assert_eq!(line("x", over, Duration::ZERO, 0), "");
    }
}
