//! What a column's values have in common.

use arrow::datatypes::{DataType, TimeUnit};

use crate::csv::columns::Truths;
use crate::csv::options::{ColumnOptions, CsvOptions};
use crate::values::{Format, Locale, parse_date, parse_f64, parse_i64, parse_timestamp};

/// The types that all values so far fit.
#[derive(Clone, Debug)]
pub(super) struct Guess {
    truths: Truths,
    locale: Locale,
    /// The column's format and the directives of a time of day in it.
    format: Option<(Format, bool)>,
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

impl Guess {
    /// Nothing is known yet but the options of the file and of the column.
    pub(super) fn new(options: &CsvOptions, own: Option<&ColumnOptions>) -> Guess {
        let encode = |texts: &[String]| texts.iter().filter_map(|text| options.encoding.encode(text)).collect();
        let format = own.and_then(|own| own.format.as_deref()).and_then(|format| Format::compile(format).ok());
        Guess {
            truths: Truths { yes: encode(&options.true_values), no: encode(&options.false_values) },
            locale: Locale { decimal: options.decimal_separator, thousands: options.thousands },
            format: format.map(|format| (format.clone(), format.has_time())),
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

    /// Whether any value was seen.
    pub(super) fn is_known(&self) -> bool {
        self.seen
    }

    /// Takes a value into account; `text` is not empty, not NULL, without blanks around it.
    pub(super) fn observe(&mut self, text: &[u8]) {
        self.seen = true;
        self.boolean = self.boolean && self.truths.parse(text).is_some();
        (self.date, self.timestamp) = match &self.format {
            Some((format, _)) => {
                let fits = self.timestamp && format.timestamp(text).is_some();
                (fits, fits)
            }
            None => (self.date && parse_date(text).is_some(), self.timestamp && parse_timestamp(text).is_some()),
        };
        if self.float {
            let mut plain = Vec::new();
            self.float = self.locale.rewrite(text, &mut plain);
            self.observe_number(&plain);
        }
    }

    fn observe_number(&mut self, text: &[u8]) {
        if !self.float {
            self.integer = false;
            return;
        }
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
        } else if let Some((_, has_time)) = self.format.as_ref().filter(|_| self.timestamp) {
            if *has_time { DataType::Timestamp(TimeUnit::Microsecond, None) } else { DataType::Date32 }
        } else if self.boolean && !(self.integer && self.float) {
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
        let mut guess = Guess::new(&CsvOptions::default(), None);
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
