//! Waiting for a condition, with a limit: what tests do instead of sleeping.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, Timespec, poll};

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(50);

/// Looks at `condition` until it answers something, at most for `limit`; `None` when it never did.
pub fn until<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let answer = try_until(limit, || Ok::<_, std::convert::Infallible>(condition()));
    match answer {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}

/// Like [`until`], for a condition that can also fail for good.
pub fn try_until<T, E>(limit: Duration, mut condition: impl FnMut() -> Result<Option<T>, E>) -> Result<Option<T>, E> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = condition()? {
            return Ok(Some(answer));
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        ready(&mut [], left.min(INTERVAL));
    }
}

/// Whether one of `descriptors` becomes ready within `limit`. A signal counts as "not ready yet".
pub(crate) fn ready(descriptors: &mut [PollFd<'_>], limit: Duration) -> bool {
    let end = Instant::now() + limit;
    loop {
        let left = Timespec::try_from(end.saturating_duration_since(Instant::now())).ok();
        match poll(descriptors, left.as_ref()) {
            Ok(count) => return count > 0,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_as_soon_as_the_condition_does() {
        let mut looks = 0;
        let answer = until(Duration::from_secs(60), || {
            looks += 1;
            (looks == 3).then_some("yes")
        });
        assert_eq!((answer, looks), (Some("yes"), 3));
    }

    #[test]
    fn gives_up_at_the_limit_after_at_least_one_look() {
        let mut looks = 0;
        let answer: Option<()> = until(Duration::ZERO, || {
            looks += 1;
            None
        });
        assert_eq!((answer, looks), (None, 1));
    }
}
