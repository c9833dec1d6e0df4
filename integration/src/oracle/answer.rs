//! Answers: rows of typed values.

use std::fmt;

use serde::Deserialize;

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Whole numbers.
    Int,
    /// Numbers.
    Float,
    /// True or false.
    Bool,
    /// Days.
    Date,
    /// Moments.
    Timestamp,
    /// Anything else.
    Text,
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its values' kind.
    pub kind: Kind,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Missing.
    Null,
    /// A whole number.
    Int(i128),
    /// A number.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// A day or a moment: `2015-01-01 10:00:00.5`, without zeros at the end of the fraction.
    Time(String),
    /// A text.
    Text(String),
}

/// Rows with their columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each as long as there are columns.
    pub rows: Vec<Vec<Value>>,
}

impl Value {
    /// Reads a value of a kind; `None` is a missing one.
    ///
    /// # Errors
    /// What it is not.
    pub fn read(text: Option<&str>, kind: Kind) -> Result<Value, String> {
        let Some(text) = text else { return Ok(Value::Null) };
        let wrong = || format!("{text:?} is not of kind {kind:?}");
        match kind {
            Kind::Int => text.parse().map(Value::Int).map_err(|_| wrong()),
            Kind::Float => text.parse().map(Value::Float).map_err(|_| wrong()),
            Kind::Bool => text.parse().map(Value::Bool).map_err(|_| wrong()),
            Kind::Text => Ok(Value::Text(text.to_owned())),
            Kind::Date => {
                let is_day = text.len() == 10;
                if is_day { Ok(Value::Time(text.to_owned())) } else { Err(wrong()) }
            }
            Kind::Timestamp => moment(text).map(Value::Time).ok_or_else(wrong),
        }
    }
}

/// `2015-01-01T10:00:00.500` or a day as `2015-01-01 10:00:00.5`.
fn moment(text: &str) -> Option<String> {
    if text.len() == 10 {
        return Some(format!("{text} 00:00:00"));
    }
    if text.len() < 19 || !matches!(text.as_bytes()[10], b'T' | b' ') {
        return None;
    }
    let text = text.trim_end_matches('Z').replacen('T', " ", 1);
    let is_fraction = text.contains('.');
    Some(if is_fraction { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text })
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Int(number) => number.fmt(f),
            Value::Float(number) => write!(f, "{number:?}"),
            Value::Bool(truth) => truth.fmt(f),
            Value::Time(time) => time.fmt(f),
            Value::Text(text) => write!(f, "{text:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_strictly() {
        assert_eq!(Value::read(Some("5"), Kind::Int), Ok(Value::Int(5)));
        assert!(Value::read(Some("5.0"), Kind::Int).is_err());
        assert_eq!(Value::read(None, Kind::Int), Ok(Value::Null));
        assert_eq!(Value::read(Some(""), Kind::Text), Ok(Value::Text(String::new())));
        let time = |text| Value::read(Some(text), Kind::Timestamp);
        assert_eq!(time("2015-01-01T10:00:00.500"), Ok(Value::Time("2015-01-01 10:00:00.5".into())));
        assert_eq!(time("2015-01-01 10:00:00"), Ok(Value::Time("2015-01-01 10:00:00".into())));
        assert_eq!(time("2015-01-01"), Ok(Value::Time("2015-01-01 00:00:00".into())));
        assert!(Value::read(Some("2015-01-01T00:00:00"), Kind::Date).is_err());
    }
}
