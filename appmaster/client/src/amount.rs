//! What each worker has beside threads and memory, as people write it: `GPU=2`, `LICENSE=0.5`.

use std::fmt;
use std::str::FromStr;

/// An amount of something that tasks take of their worker while they run (`TaskOptions::resources`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    /// What it is called; what it means is up to those who ask for it.
    pub name: String,
    /// How much of it each worker has, in thousandths.
    pub thousandths: u64,
}

/// A text that is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an amount of something: write NAME=AMOUNT, such as GPU=2 or LICENSE=0.5")]
pub struct NoAmount;

impl FromStr for Amount {
    type Err = NoAmount;

    fn from_str(text: &str) -> Result<Amount, NoAmount> {
        let (name, amount) = text.split_once('=').ok_or(NoAmount)?;
        let amount: f64 = amount.trim().parse().map_err(|_| NoAmount)?;
        let (name, in_range) = (name.trim(), (0.0..=1e12).contains(&amount));
        if name.is_empty() || !in_range {
            return Err(NoAmount);
        }
        Ok(Amount { name: name.to_owned(), thousandths: (amount * 1000.0).round() as u64 })
    }
}

/// As it is read.
impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.thousandths / 1000, self.thousandths % 1000);
        match rest {
            0 => write!(formatter, "{}={whole}", self.name),
            _ => write!(formatter, "{}={whole}.{rest:03}", self.name),
        }
    }
}

impl Amount {
    /// As the core counts them.
    pub fn pairs(amounts: &[Amount]) -> Vec<(String, u64)> {
        amounts.iter().map(|amount| (amount.name.clone(), amount.thousandths)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read() {
        let amount = |text: &str| text.parse::<Amount>().map(|amount| (amount.name, amount.thousandths));
        assert_eq!(amount("GPU=2"), Ok(("GPU".to_owned(), 2000)));
        assert_eq!(amount(" LICENSE = 0.5 "), Ok(("LICENSE".to_owned(), 500)));
        let again = |text: &str| text.parse::<Amount>().map(|amount| amount.to_string());
        assert_eq!((again("GPU=2.0"), again("A=0.05")), (Ok("GPU=2".to_owned()), Ok("A=0.050".to_owned())));
        for wrong in ["GPU", "=1", "GPU=", "GPU=-1", "GPU=many", "GPU=inf", "GPU=NaN"] {
            assert_eq!(amount(wrong), Err(NoAmount), "{wrong}");
        }
    }
}
