//! Values with a type.

use std::time::Duration;

use super::Configuration;

/// A value that is not what its key wants.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} is {value:?} (from {file}), must be {expected}")]
pub struct ValueError {
    /// Whose value it is.
    pub key: String,
    /// What it is.
    pub value: String,
    /// Where it was set.
    pub file: String,
    /// What it should be.
    pub expected: &'static str,
}

/// What a number without a unit counts; Hadoop has no rule for all its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationUnit {
    /// Most keys.
    Milliseconds,
    /// Keys whose names say so, and some others.
    Seconds,
}

impl Configuration {
    /// A text, or the default.
    pub fn get_or(&self, key: &str, default: &str) -> String {
        self.get(key).unwrap_or_else(|| default.to_owned())
    }

    /// `true` or `false`; the default when unset or empty.
    pub fn get_bool(&self, key: &str, default: bool) -> Result<bool, ValueError> {
        let Some(value) = self.non_empty(key) else { return Ok(default) };
        match value.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.value_error(key, value, "true or false")),
        }
    }

    /// A number, with an optional binary suffix (k, m, g, t), or in hexadecimal after `0x`.
    pub fn get_u64(&self, key: &str, default: u64) -> Result<u64, ValueError> {
        let Some(value) = self.non_empty(key) else { return Ok(default) };
        parse_number(&value).ok_or_else(|| self.value_error(key, value, "a number such as 64, 128m or 1g"))
    }

    /// A duration, with an optional unit (ns, us, ms, s, m, h, d).
    pub fn get_duration(&self, key: &str, bare: DurationUnit, default: Duration) -> Result<Duration, ValueError> {
        let Some(value) = self.non_empty(key) else { return Ok(default) };
        parse_duration(&value, bare).ok_or_else(|| self.value_error(key, value, "a duration such as 500ms, 30s or 5m"))
    }

    /// Comma-separated texts, trimmed, without empty ones; no entry when unset.
    pub fn get_list(&self, key: &str) -> Vec<String> {
        let value = self.get(key).unwrap_or_default();
        value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    fn non_empty(&self, key: &str) -> Option<String> {
        self.get(key).filter(|value| !value.is_empty())
    }

    fn value_error(&self, key: &str, value: String, expected: &'static str) -> ValueError {
        let file = self.source(key).unwrap_or_default().to_owned();
        ValueError { key: key.to_owned(), value, file, expected }
    }
}

fn parse_number(text: &str) -> Option<u64> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(digits, 16).ok();
    }
    let (digits, unit) = split_unit(text);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

fn parse_duration(text: &str, bare: DurationUnit) -> Option<Duration> {
    let (digits, unit) = split_unit(text);
    let count = digits.parse::<u64>().ok()?;
    let seconds = |each: u64| count.checked_mul(each).map(Duration::from_secs);
    match (unit, bare) {
        ("ns", _) => Some(Duration::from_nanos(count)),
        ("us", _) => Some(Duration::from_micros(count)),
        ("ms", _) | ("", DurationUnit::Milliseconds) => Some(Duration::from_millis(count)),
        ("s", _) | ("", DurationUnit::Seconds) => seconds(1),
        ("m", _) => seconds(60),
        ("h", _) => seconds(60 * 60),
        ("d", _) => seconds(24 * 60 * 60),
        _ => None,
    }
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}
