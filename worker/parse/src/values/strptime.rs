//! Dates and timestamps in a format that somebody names in the directives of `strptime`, compiled once.
//!
//! Numbers may lack their leading zeros, except years; names of months are English, in any case. Everything else must
//! be as the format says, to the last byte.

mod fields;

use fields::Fields;

/// A compiled format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    items: Vec<Item>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Literal(u8),
    /// `%Y`: four digits.
    Year,
    /// `%y`: 69 to 99 are of the twentieth century, 00 to 68 of the next.
    ShortYear,
    Month,
    /// `%b` and `%B`: both spellings of either.
    MonthName,
    Day,
    DayOfYear,
    Hour,
    /// `%I`: 1 to 12.
    HalfDayHour,
    /// `%p`.
    HalfDay,
    Minute,
    Second,
    Fraction,
    /// `%z`: `+02:00`, `+0200`, `+02`, `Z`.
    Offset,
    /// `%Z`: only names that mean UTC; others mean different offsets in different places.
    Zone,
}

/// A format that cannot be read, or that names no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// A directive that is not known.
    #[error("directive %{0} is not known; use %Y %y %m %b %B %d %j %H %I %p %M %S %f %z %Z and %%")]
    Unknown(char),
    /// A percent sign at the end.
    #[error("it ends with a single %; write %% for the sign itself")]
    Unfinished,
    /// Something is said twice.
    #[error("it has %{0} and another directive for the same; leave one out")]
    Repeated(char),
    /// It does not name a day.
    #[error("it names no day; it needs a year (%Y or %y) with a month (%m or %b) and a day (%d), or with %j")]
    NoDate,
    /// An hour of half a day without its half, or the other way round.
    #[error("%I and %p need each other; use %H for hours from 0 to 23")]
    HalfDay,
}

impl Format {
    /// Compiles a format.
    pub(crate) fn compile(text: &str) -> Result<Format, FormatError> {
        let mut items = Vec::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                items.extend(character.encode_utf8(&mut [0; 4]).bytes().map(Item::Literal));
                continue;
            }
            let directive = characters.next().ok_or(FormatError::Unfinished)?;
            let item = Item::of(directive).ok_or(FormatError::Unknown(directive))?;
            if item.part().is_some() && items.iter().any(|other: &Item| other.part() == item.part()) {
                return Err(FormatError::Repeated(directive));
            }
            items.push(item);
        }
        let format = Format { items };
        format.check()?;
        Ok(format)
    }

    fn check(&self) -> Result<(), FormatError> {
        let has = |item| self.items.contains(&item);
        let has_month = has(Item::Month) || has(Item::MonthName);
        let has_year = has(Item::Year) || has(Item::ShortYear);
        if !has_year || !(has(Item::DayOfYear) || (has_month && has(Item::Day))) {
            return Err(FormatError::NoDate);
        }
        if has(Item::DayOfYear) && (has_month || has(Item::Day)) {
            return Err(FormatError::Repeated('j'));
        }
        if has(Item::HalfDayHour) != has(Item::HalfDay) {
            return Err(FormatError::HalfDay);
        }
        Ok(())
    }

    /// It says something about the time of day.
    pub(crate) fn has_time(&self) -> bool {
        self.items.iter().any(|item| item.part().is_some_and(|part| "hpnsf".contains(part)))
    }

    /// Seconds and nanoseconds since 1970-01-01T00:00:00Z.
    pub(crate) fn timestamp(&self, text: &[u8]) -> Option<(i64, u32)> {
        let mut fields = Fields::default();
        let mut rest = text;
        for item in &self.items {
            rest = fields.read(*item, rest)?;
        }
        if rest.is_empty() { fields.timestamp() } else { None }
    }

    /// Days since 1970-01-01; a time of day other than midnight is no date.
    pub(crate) fn date(&self, text: &[u8]) -> Option<i32> {
        let (seconds, nanos) = self.timestamp(text)?;
        if nanos == 0 && seconds.rem_euclid(86_400) == 0 { (seconds.div_euclid(86_400)).try_into().ok() } else { None }
    }
}

impl Item {
    fn of(directive: char) -> Option<Item> {
        Some(match directive {
            '%' => Item::Literal(b'%'),
            'Y' => Item::Year,
            'y' => Item::ShortYear,
            'm' => Item::Month,
            'b' | 'B' => Item::MonthName,
            'd' => Item::Day,
            'j' => Item::DayOfYear,
            'H' => Item::Hour,
            'I' => Item::HalfDayHour,
            'p' => Item::HalfDay,
            'M' => Item::Minute,
            'S' => Item::Second,
            'f' => Item::Fraction,
            'z' => Item::Offset,
            'Z' => Item::Zone,
            _ => return None,
        })
    }

    /// What it says something about; literals say nothing.
    fn part(self) -> Option<char> {
        Some(match self {
            Item::Literal(_) => return None,
            Item::Year | Item::ShortYear => 'y',
            Item::Month | Item::MonthName => 'm',
            Item::Day => 'd',
            Item::DayOfYear => 'j',
            Item::Hour | Item::HalfDayHour => 'h',
            Item::HalfDay => 'p',
            Item::Minute => 'n',
            Item::Second => 's',
            Item::Fraction => 'f',
            Item::Offset | Item::Zone => 'z',
        })
    }
}

#[cfg(test)]
mod tests;
