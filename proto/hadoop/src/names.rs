//! YARN's identifiers, typed, in the spelling that its tools and logs use.

use std::fmt;
use std::str::FromStr;

use crate::messages::yarn;

/// A container's number lies in the low 40 bits of its id; above is the ResourceManager's epoch.
const SEQUENCE_BITS: u32 = 40;
const SEQUENCE_MASK: u64 = (1 << SEQUENCE_BITS) - 1;

/// `application_1700000000000_0007`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationId {
    /// When the ResourceManager started, in milliseconds.
    pub cluster_timestamp: u64,
    /// Counts from 1.
    pub sequence: u32,
}

/// `appattempt_1700000000000_0007_000001`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationAttemptId {
    /// Of which application.
    pub application: ApplicationId,
    /// Counts from 1.
    pub attempt: u32,
}

/// `container_1700000000000_0007_01_000001`, or `container_e17_1700000000000_0007_01_000001` after 17 restarts of the
/// ResourceManager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId {
    /// Of which attempt.
    pub attempt: ApplicationAttemptId,
    /// How often the ResourceManager had restarted; part of the identity.
    pub epoch: u32,
    /// Counts from 1 in each epoch; 40 bits.
    pub sequence: u64,
}

/// A text that is no identifier of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct ParseIdError {
    text: String,
    expected: &'static str,
}

impl fmt::Display for ApplicationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "application_{}_{:04}", self.cluster_timestamp, self.sequence)
    }
}

impl fmt::Display for ApplicationAttemptId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ApplicationId { cluster_timestamp, sequence } = self.application;
        write!(formatter, "appattempt_{cluster_timestamp}_{sequence:04}_{:06}", self.attempt)
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "container_")?;
        if self.epoch > 0 {
            write!(formatter, "e{:02}_", self.epoch)?;
        }
        let ApplicationId { cluster_timestamp, sequence } = self.attempt.application;
        write!(formatter, "{cluster_timestamp}_{sequence:04}_{:02}_{:06}", self.attempt.attempt, self.sequence)
    }
}

impl FromStr for ApplicationId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseIdError {
            text: text.to_owned(),
            expected: "an application id such as application_1700000000000_0007",
        };
        let mut parts = Parts::after(text, "application_").ok_or_else(error)?;
        let id = parts.application().ok_or_else(error)?;
        parts.end(id).ok_or_else(error)
    }
}

impl FromStr for ApplicationAttemptId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseIdError {
            text: text.to_owned(),
            expected: "an application attempt id such as appattempt_1700000000000_0007_000001",
        };
        let mut parts = Parts::after(text, "appattempt_").ok_or_else(error)?;
        let id = parts.attempt().ok_or_else(error)?;
        parts.end(id).ok_or_else(error)
    }
}

impl FromStr for ContainerId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseIdError {
            text: text.to_owned(),
            expected: "a container id such as container_1700000000000_0007_01_000001",
        };
        let mut parts = Parts::after(text, "container_").ok_or_else(error)?;
        let id = parts.container().ok_or_else(error)?;
        parts.end(id).ok_or_else(error)
    }
}

/// The numbers of an identifier, front to back.
struct Parts<'a>(std::iter::Peekable<std::str::Split<'a, char>>);

impl<'a> Parts<'a> {
    fn after(text: &'a str, prefix: &str) -> Option<Self> {
        Some(Self(text.strip_prefix(prefix)?.split('_').peekable()))
    }

    fn number<N: FromStr>(&mut self) -> Option<N> {
        let digits = self.0.next()?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        digits.parse().ok()
    }

    fn application(&mut self) -> Option<ApplicationId> {
        Some(ApplicationId { cluster_timestamp: self.number()?, sequence: self.number()? })
    }

    fn attempt(&mut self) -> Option<ApplicationAttemptId> {
        Some(ApplicationAttemptId { application: self.application()?, attempt: self.number()? })
    }

    fn container(&mut self) -> Option<ContainerId> {
        let epoch = match self.0.peek()?.strip_prefix('e') {
            Some(digits) => {
                let epoch = digits.parse().ok()?;
                self.0.next();
                epoch
            }
            None => 0,
        };
        let attempt = self.attempt()?;
        let sequence = self.number().filter(|sequence| *sequence <= SEQUENCE_MASK)?;
        Some(ContainerId { attempt, epoch, sequence })
    }

    fn end<T>(mut self, value: T) -> Option<T> {
        self.0.next().is_none().then_some(value)
    }
}

/// A message that lacks a part of an identifier, or holds a number that cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is missing or out of range")]
pub struct IncompleteId {
    what: &'static str,
}

impl TryFrom<&yarn::ApplicationId> for ApplicationId {
    type Error = IncompleteId;

    fn try_from(message: &yarn::ApplicationId) -> Result<Self, Self::Error> {
        Ok(Self {
            cluster_timestamp: number(message.cluster_timestamp, "cluster timestamp of an application id")?,
            sequence: number(message.id, "number of an application id")?,
        })
    }
}

impl TryFrom<&yarn::ApplicationAttemptId> for ApplicationAttemptId {
    type Error = IncompleteId;

    fn try_from(message: &yarn::ApplicationAttemptId) -> Result<Self, Self::Error> {
        let application = message.application_id.as_ref().ok_or(IncompleteId { what: "application of an attempt" })?;
        Ok(Self {
            application: application.try_into()?,
            attempt: number(message.attempt_id, "number of an application attempt")?,
        })
    }
}

impl TryFrom<&yarn::ContainerId> for ContainerId {
    type Error = IncompleteId;

    fn try_from(message: &yarn::ContainerId) -> Result<Self, Self::Error> {
        let attempt = message.application_attempt_id.as_ref().ok_or(IncompleteId { what: "attempt of a container" })?;
        let id: u64 = number(message.id, "number of a container")?;
        Ok(Self { attempt: attempt.try_into()?, epoch: (id >> SEQUENCE_BITS) as u32, sequence: id & SEQUENCE_MASK })
    }
}

fn number<F, T: TryFrom<F>>(value: Option<F>, what: &'static str) -> Result<T, IncompleteId> {
    value.and_then(|value| T::try_from(value).ok()).ok_or(IncompleteId { what })
}

impl From<ApplicationId> for yarn::ApplicationId {
    fn from(id: ApplicationId) -> Self {
        Self { id: Some(id.sequence.cast_signed()), cluster_timestamp: Some(id.cluster_timestamp.cast_signed()) }
    }
}

impl From<ApplicationAttemptId> for yarn::ApplicationAttemptId {
    fn from(id: ApplicationAttemptId) -> Self {
        Self { application_id: Some(id.application.into()), attempt_id: Some(id.attempt.cast_signed()) }
    }
}

impl From<ContainerId> for yarn::ContainerId {
    fn from(id: ContainerId) -> Self {
        let number = u64::from(id.epoch) << SEQUENCE_BITS | (id.sequence & SEQUENCE_MASK);
        Self { application_id: None, application_attempt_id: Some(id.attempt.into()), id: Some(number.cast_signed()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check<Id: FromStr<Err = ParseIdError> + fmt::Display>(text: &str) {
        assert_eq!(text.parse::<Id>().unwrap().to_string(), text);
    }

    #[test]
    fn spellings_of_hadoop_come_back() {
        check::<ApplicationId>("application_1700000000000_0007");
        check::<ApplicationId>("application_1700000000000_12345");
        check::<ApplicationAttemptId>("appattempt_1700000000000_0007_000001");
        check::<ContainerId>("container_1700000000000_0007_01_000001");
        check::<ContainerId>("container_e17_1700000000000_0007_01_000001");
    }

    #[test]
    fn other_texts_are_refused_by_name() {
        for text in [
            "",
            "application_",
            "application_1_",
            "application_1_2_3",
            "job_1_2",
            "application_1_-2",
            "application_1_+2",
        ] {
            let error = text.parse::<ApplicationId>().unwrap_err();
            assert!(error.to_string().contains("application_1700000000000_0007"), "{error}");
        }
        for text in ["container_e_1_1_1_1", "container_1_1_1", "container_1_1_1_1099511627776", "container_ex_1_1_1_1"]
        {
            assert!(text.parse::<ContainerId>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_epoch_is_above_forty_bits() {
        let message = yarn::ContainerId { id: Some(17 << 40 | 5), ..example().into() };
        let id = ContainerId::try_from(&message).unwrap();
        assert_eq!((id.epoch, id.sequence), (17, 5));
        assert_eq!(yarn::ContainerId::from(id), message);
        assert!(ContainerId::try_from(&yarn::ContainerId { id: Some(-1), ..message }).is_err());
    }

    fn example() -> ContainerId {
        "container_1700000000000_0007_01_000001".parse().unwrap()
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in "(container|application|appattempt)?_?(e[0-9]*_)?[0-9_]*\\PC*") {
            let _ = (text.parse::<ContainerId>(), text.parse::<ApplicationId>(), text.parse::<ApplicationAttemptId>());
        }
    }
}
