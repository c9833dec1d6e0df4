//! Days as the specification counts them.

use std::fmt;

/// A day, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Date(pub(crate) i64);

/// The first day of an order, and the last.
pub(super) const FIRST: Date = Date(8_035);
pub(super) const LAST: Date = Date(10_440);
/// "Today": 1995-06-17.
pub(super) const TODAY: Date = Date(9_298);

impl Date {
    pub(super) fn plus(self, days: i64) -> Date {
        Date(self.0 + days)
    }
}

/// `YYYY-MM-DD`, by Hinnant's way from days to the civil calendar.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shifted = self.0 + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (date, text) in [
            (Date(0), "1970-01-01"),
            (FIRST, "1992-01-01"),
            (LAST, "1998-08-02"),
            (TODAY, "1995-06-17"),
            (Date(11_016), "2000-02-29"),
            (Date(-1), "1969-12-31"),
        ] {
            assert_eq!(date.to_string(), text);
        }
    }
}
