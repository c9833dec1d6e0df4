//! The Hadoop releases that we are tested with.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A line of Hadoop releases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Version {
    /// Hadoop 3.4.
    #[default]
    Hadoop34,
    /// Hadoop 3.5.
    Hadoop35,
}

/// A version that nobody has tried.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("unknown Hadoop version {0:?}: 3.4 and 3.5 are known")]
pub struct UnknownVersion(String);

impl Version {
    /// The release that stands for the line.
    pub fn release(self) -> &'static str {
        match self {
            Self::Hadoop34 => "3.4.3",
            Self::Hadoop35 => "3.5.0",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hadoop34 => "3.4",
            Self::Hadoop35 => "3.5",
        })
    }
}

impl FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Hadoop34, Self::Hadoop35];
        let found = all.into_iter().find(|version| text == version.to_string() || text == version.release());
        found.ok_or_else(|| UnknownVersion(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_or_its_release_names_a_version() {
        assert_eq!("3.4".parse(), Ok(Version::Hadoop34));
        assert_eq!("3.5.0".parse(), Ok(Version::Hadoop35));
        assert!("2.7".parse::<Version>().is_err());
    }
}
