//! What a column's values have in common.

use arrow::datatypes::{DataType, TimeUnit};

use crate::values::{parse_boolean, parse_date, parse_f64, parse_i64, parse_timestamp};

/// The types that all values so far fit.
#[derive(Clone, Debug)]
pub(super) struct Guess {
    seen: bool,
    boolean: bool,
    integer: bool,
    float: bool,
    date: bool,
    timestamp: bool,
    /// Some value is a number that only a float holds as it is written.
    fraction: bool,
    /// Some value is an integer.
    whole: bool,
    /// Some value is an integer beyond 64 bits: a float would change it.
    huge: bool,
}

impl Default for Guess {
    fn default() -> Self {
        Guess {
            seen: false,
            boolean: true,
            integer: true,
            float: true,
            date: true,
            timestamp: true,
            fraction: false,
            whole: false,
            huge: false,
        }
    }
}

impl Guess {
    /// Whether any value was seen.
    pub(super) fn is_known(&self) -> bool {
        self.seen
    }

    /// Takes a value into account; `text` is not empty, not NULL, without blanks around it.
    pub(super) fn observe(&mut self, text: &[u8]) {
        self.seen = true;
        self.boolean = self.boolean && parse_boolean(text).is_some();
        self.date = self.date && parse_date(text).is_some();
        self.timestamp = self.timestamp && parse_timestamp(text).is_some();
        if self.float {
            self.observe_number(text);
        }
    }

    fn observe_number(&mut self, text: &[u8]) {
        let is_whole = parse_i64(text, text.len()).is_some();
        self.whole |= is_whole;
        self.integer &= is_whole;
        if is_whole {
            return;
        }
        let Some(number) = parse_f64(text, text.len()) else {
            self.float = false;
            return;
        };
        let is_digits = text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-' || *byte == b'+');
        self.huge |= is_digits;
        self.fraction |= !is_digits && number.is_finite();
    }

    /// The narrowest type that holds every value as it was written; text if there is none.
    pub(super) fn data_type(&self) -> DataType {
        if !self.seen {
            DataType::Utf8View
        } else if self.boolean {
            DataType::Boolean
        } else if self.integer && self.float {
            DataType::Int64
        } else if self.float && (self.fraction || (self.whole && !self.huge)) {
            DataType::Float64
        } else if self.date {
            DataType::Date32
        } else if self.timestamp {
            DataType::Timestamp(TimeUnit::Microsecond, None)
        } else {
            DataType::Utf8View
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], expected: DataType) {
        let mut guess = Guess::default();
        for value in values {
            guess.observe(value.as_bytes());
        }
        assert_eq!(guess.data_type(), expected, "{values:?}");
    }

    #[test]
    fn types_of_values() {
        let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
        check(&[], DataType::Utf8View);
        check(&["1", "-2", "+3", "007"], DataType::Int64);
        check(&["1", "2.5"], DataType::Float64);
        check(&["1e3"], DataType::Float64);
        check(&["1", "NaN"], DataType::Float64);
        check(&["nan", "inf"], DataType::Utf8View);
        check(&["1", "9223372036854775808"], DataType::Utf8View);
        check(&["1.5", "9223372036854775808"], DataType::Float64);
        check(&["true", "FALSE"], DataType::Boolean);
        check(&["true", "1"], DataType::Utf8View);
        check(&["2015-01-31"], DataType::Date32);
        check(&["2015-01-31", "2015-01-31 12:00:00"], timestamp.clone());
        check(&["2015-01-31T12:00:00Z"], timestamp);
        check(&["2015-02-30"], DataType::Utf8View);
        check(&["1", "x"], DataType::Utf8View);
        check(&["x", "1"], DataType::Utf8View);
    }
}
