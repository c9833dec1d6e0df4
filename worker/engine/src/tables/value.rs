//! The value of a reading option, whether a query, an `OPTIONS` list or a program gave it.

use serde::{Deserialize, Serialize};

/// A value as it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum OptionValue {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A text, which may stand for any of the others: `OPTIONS` lists and command lines have nothing else.
    Text(String),
    /// Several values.
    List(Vec<OptionValue>),
    /// Values by name, in the order in which they were written.
    Map(Vec<(String, OptionValue)>),
}

impl From<bool> for OptionValue {
    fn from(value: bool) -> Self {
        OptionValue::Bool(value)
    }
}

impl From<i64> for OptionValue {
    fn from(value: i64) -> Self {
        OptionValue::Number(value)
    }
}

impl From<&str> for OptionValue {
    fn from(value: &str) -> Self {
        OptionValue::Text(value.to_owned())
    }
}

impl From<String> for OptionValue {
    fn from(value: String) -> Self {
        OptionValue::Text(value)
    }
}

impl<T: Into<OptionValue>> From<Vec<T>> for OptionValue {
    fn from(values: Vec<T>) -> Self {
        OptionValue::List(values.into_iter().map(Into::into).collect())
    }
}

/// A value that an option does not take: what it takes instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unfit(pub String);

impl OptionValue {
    /// As a truth value.
    pub(crate) fn boolean(&self) -> Result<bool, Unfit> {
        let wrong = || Unfit("is true or false".into());
        match self {
            OptionValue::Bool(value) => Ok(*value),
            OptionValue::Text(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            OptionValue::Text(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            OptionValue::Text(_) | OptionValue::Number(_) | OptionValue::List(_) | OptionValue::Map(_) => Err(wrong()),
        }
    }

    /// As a count.
    pub(crate) fn count(&self) -> Result<u64, Unfit> {
        let wrong = || Unfit("is a whole number, 0 or more".into());
        match self {
            OptionValue::Number(number) => u64::try_from(*number).map_err(|_| wrong()),
            OptionValue::Text(text) => text.trim().parse().map_err(|_| wrong()),
            OptionValue::Bool(_) | OptionValue::List(_) | OptionValue::Map(_) => Err(wrong()),
        }
    }

    /// As a text.
    pub(crate) fn text(&self) -> Result<&str, Unfit> {
        match self {
            OptionValue::Text(text) => Ok(text),
            OptionValue::Bool(_) | OptionValue::Number(_) | OptionValue::List(_) | OptionValue::Map(_) => {
                Err(Unfit("is a text in single quotes".into()))
            }
        }
    }

    /// As one byte, which may be written as `\t`.
    pub(crate) fn byte(&self) -> Result<u8, Unfit> {
        let text = self.text()?;
        match text.as_bytes() {
            [byte] => Ok(*byte),
            b"\\t" => Ok(b'\t'),
            b"\\\\" => Ok(b'\\'),
            _ => Err(Unfit(format!("is one byte, such as ';' or '\\t', not '{text}'"))),
        }
    }

    /// As one byte, or none where the text is empty.
    pub(crate) fn optional_byte(&self) -> Result<Option<u8>, Unfit> {
        if self.text()?.is_empty() { Ok(None) } else { self.byte().map(Some) }
    }

    /// As one text or several; a text may be a JSON list of them.
    pub(crate) fn texts(&self) -> Result<Vec<String>, Unfit> {
        let wrong = || Unfit("is a text, or a list of texts: ['a', 'b']".into());
        match self {
            OptionValue::Text(text) if text.starts_with('[') => serde_json::from_str(text).map_err(|_| wrong()),
            OptionValue::Text(text) => Ok(vec![text.clone()]),
            OptionValue::List(values) => values.iter().map(|value| Ok(value.text()?.to_owned())).collect(),
            OptionValue::Bool(_) | OptionValue::Number(_) | OptionValue::Map(_) => Err(wrong()),
        }
    }

    /// As values by name; a text may be a JSON object.
    pub(crate) fn map(&self) -> Result<Vec<(String, OptionValue)>, Unfit> {
        let wrong = || Unfit("gives values by column: {'a': …, 'b': …}".into());
        match self {
            OptionValue::Map(entries) => Ok(entries.clone()),
            OptionValue::Text(text) if text.trim_start().starts_with('{') => {
                let object: serde_json::Map<String, serde_json::Value> =
                    serde_json::from_str(text).map_err(|_| wrong())?;
                let entry = |(name, value)| Some((name, from_json(value)?));
                object.into_iter().map(entry).collect::<Option<Vec<_>>>().ok_or_else(wrong)
            }
            OptionValue::Text(_) | OptionValue::Bool(_) | OptionValue::Number(_) | OptionValue::List(_) => Err(wrong()),
        }
    }
}

/// A JSON value as an option's; `None` for what no option takes.
fn from_json(value: serde_json::Value) -> Option<OptionValue> {
    Some(match value {
        serde_json::Value::Bool(value) => OptionValue::Bool(value),
        serde_json::Value::Number(number) => OptionValue::Number(number.as_i64()?),
        serde_json::Value::String(text) => OptionValue::Text(text),
        serde_json::Value::Array(values) => {
            OptionValue::List(values.into_iter().map(from_json).collect::<Option<Vec<_>>>()?)
        }
        serde_json::Value::Object(entries) => {
            let entry = |(name, value)| Some((name, from_json(value)?));
            OptionValue::Map(entries.into_iter().map(entry).collect::<Option<Vec<_>>>()?)
        }
        serde_json::Value::Null => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_for_any_value() {
        assert_eq!(OptionValue::from("TRUE").boolean(), Ok(true));
        assert_eq!(OptionValue::from(" 7").count(), Ok(7));
        assert_eq!(OptionValue::from("\\t").byte(), Ok(b'\t'));
        assert_eq!(OptionValue::from("").optional_byte(), Ok(None));
        assert_eq!(OptionValue::from("[\"a\", \"b\"]").texts(), Ok(vec!["a".into(), "b".into()]));
        assert_eq!(OptionValue::from("a").texts(), Ok(vec!["a".into()]));
        assert_eq!(OptionValue::from("{\"a\": 1}").map(), Ok(vec![("a".into(), OptionValue::Number(1))]));
    }

    #[test]
    fn what_is_expected_is_said() {
        assert!(OptionValue::from("yes").boolean().unwrap_err().0.contains("true or false"));
        assert!(OptionValue::from(-1).count().unwrap_err().0.contains("whole number"));
        assert!(OptionValue::from("ab").byte().unwrap_err().0.contains("one byte"));
        assert!(OptionValue::from(true).text().unwrap_err().0.contains("single quotes"));
        assert!(OptionValue::from("a").map().unwrap_err().0.contains("by column"));
    }
}
