//! What a driver expects of tasks before anybody has seen one of them end.

use std::time::Duration;

use crate::event::TaskOptions;

/// A task that takes longer is none.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// No worker keeps a larger result.
const LARGEST: u64 = 1 << 50;

/// What is expected of each task of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Forecast {
    /// How long it takes.
    pub millis: Option<f64>,
    /// Bytes of its result.
    pub bytes: Option<f64>,
}

/// A driver expects what cannot be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unlikely {
    #[error("take no time: say how long, a microsecond at least, or leave expected_time out")]
    NoTime,
    #[error("take {} days each: say less than 366, or leave expected_time out", .0.as_secs() / (24 * 3600))]
    Endless(Duration),
    #[error("leave results of no bytes: say how many, or leave expected_size out")]
    NoBytes,
    #[error("leave results of {} TiB each: say less than 1024, or leave expected_size out", .0 >> 40)]
    TooLarge(u64),
}

impl Forecast {
    /// What these options say.
    pub fn of(options: &TaskOptions) -> Result<Forecast, Unlikely> {
        match options.expected_time {
            Some(Duration::ZERO) => return Err(Unlikely::NoTime),
            Some(time) if time > LONGEST => return Err(Unlikely::Endless(time)),
            Some(_) | None => {}
        }
        match options.expected_size {
            Some(0) => return Err(Unlikely::NoBytes),
            Some(size) if size > LARGEST => return Err(Unlikely::TooLarge(size)),
            Some(_) | None => {}
        }
        let millis = options.expected_time.map(|time| time.as_secs_f64() * 1000.0);
        Ok(Forecast { millis, bytes: options.expected_size.map(|size| size as f64) })
    }
}

/// A mean over tasks: of what is expected of them at first, then of what is seen, the latest weighing most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Mean {
    value: Option<f64>,
    /// Tasks of which `value` was expected; nothing once one was seen.
    expected: f64,
}

impl Mean {
    /// So many more tasks are expected to have this value.
    pub fn expect(&mut self, tasks: u32, value: f64) {
        let sum = self.value.unwrap_or(0.0) * self.expected + value * f64::from(tasks);
        self.expected += f64::from(tasks);
        self.value = (self.expected > 0.0).then(|| sum / self.expected);
    }

    /// One was seen.
    pub fn learn(&mut self, value: f64) {
        self.expected = 0.0;
        self.value = Some(self.value.map_or(value, |mean| mean + (value - mean) / 8.0));
    }

    /// The mean, if anything is known.
    pub fn get(&self) -> Option<f64> {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast(time: Option<Duration>, size: Option<u64>) -> Result<Forecast, Unlikely> {
        Forecast::of(&TaskOptions { expected_time: time, expected_size: size, ..TaskOptions::default() })
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert_eq!(forecast(None, None), Ok(Forecast::default()));
        let likely = forecast(Some(Duration::from_micros(1)), Some(1 << 50));
        assert_eq!(likely, Ok(Forecast { millis: Some(0.001), bytes: Some((1_u64 << 50) as f64) }));
        assert_eq!(forecast(Some(Duration::ZERO), None), Err(Unlikely::NoTime));
        assert_eq!(forecast(Some(Duration::MAX), None), Err(Unlikely::Endless(Duration::MAX)));
        assert_eq!(forecast(None, Some(0)), Err(Unlikely::NoBytes));
        let large = forecast(None, Some(1 << 51)).unwrap_err().to_string();
        assert_eq!(large, "leave results of 2048 TiB each: say less than 1024, or leave expected_size out");
    }

    #[test]
    fn what_is_seen_replaces_what_was_expected() {
        let mut mean = Mean::default();
        mean.expect(0, 5.0);
        assert_eq!(mean.get(), None);
        mean.expect(1, 10.0);
        mean.expect(3, 50.0);
        assert_eq!(mean.get(), Some(40.0));
        mean.learn(48.0);
        assert_eq!(mean.get(), Some(41.0));
    }
}
