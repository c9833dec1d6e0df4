//! The parts of a moment, read one after the other.

use super::Item;
use crate::values::time::{days, offset};

const MONTHS: [&[u8]; 12] = [
    b"january",
    b"february",
    b"march",
    b"april",
    b"may",
    b"june",
    b"july",
    b"august",
    b"september",
    b"october",
    b"november",
    b"december",
];

/// What was read so far.
#[derive(Default)]
pub(super) struct Fields {
    year: u32,
    month: u32,
    day: u32,
    /// Days of the year are counted from here.
    day_of_year: Option<u32>,
    hour: u32,
    /// Hours to add for the second half of the day; with `%I`.
    half_day: Option<u32>,
    minute: u32,
    second: u32,
    nanos: u32,
    /// Seconds east of UTC.
    offset: i64,
}

impl Fields {
    /// Reads `item` at the start of `text`; returns what follows it.
    pub(super) fn read<'a>(&mut self, item: Item, text: &'a [u8]) -> Option<&'a [u8]> {
        let (target, digits, limits) = match item {
            Item::Literal(byte) => return text.strip_prefix(&[byte]),
            Item::MonthName => return self.month_name(text),
            Item::HalfDay => return self.read_half_day(text),
            Item::Fraction => return self.fraction(text),
            Item::Offset => return self.read_offset(text),
            Item::Zone => return zone(text),
            Item::ShortYear => return self.short_year(text),
            Item::DayOfYear => {
                let (day, rest) = number(text, 3)?;
                self.day_of_year = Some(day);
                return Some(rest);
            }
            Item::Year => {
                let year = text.first_chunk::<4>().filter(|year| year.iter().all(u8::is_ascii_digit));
                year?;
                (&mut self.year, 4, 0..=9999)
            }
            Item::Month => (&mut self.month, 2, 1..=12),
            Item::Day => (&mut self.day, 2, 1..=31),
            Item::Hour => (&mut self.hour, 2, 0..=23),
            Item::HalfDayHour => (&mut self.hour, 2, 1..=12),
            Item::Minute => (&mut self.minute, 2, 0..=59),
            Item::Second => (&mut self.second, 2, 0..=59),
        };
        let (value, rest) = number(text, digits)?;
        *target = value;
        limits.contains(&value).then_some(rest)
    }

    fn short_year<'a>(&mut self, text: &'a [u8]) -> Option<&'a [u8]> {
        text.first_chunk::<2>().filter(|year| year.iter().all(u8::is_ascii_digit))?;
        let (year, rest) = number(text, 2)?;
        self.year = if year < 69 { 2000 + year } else { 1900 + year };
        Some(rest)
    }

    fn month_name<'a>(&mut self, text: &'a [u8]) -> Option<&'a [u8]> {
        let starts_with = |name: &[u8]| text.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
        let index = MONTHS.iter().position(|name| starts_with(&name[..3]))?;
        self.month = index as u32 + 1;
        let whole = MONTHS[index];
        Some(&text[if starts_with(whole) { whole.len() } else { 3 }..])
    }

    fn read_half_day<'a>(&mut self, text: &'a [u8]) -> Option<&'a [u8]> {
        let (name, rest) = text.split_at_checked(2)?;
        self.half_day = match name.to_ascii_lowercase().as_slice() {
            b"am" => Some(0),
            b"pm" => Some(12),
            _ => return None,
        };
        Some(rest)
    }

    /// One to nine digits.
    fn fraction<'a>(&mut self, text: &'a [u8]) -> Option<&'a [u8]> {
        let count = text.iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = text.split_at(count);
        if digits.is_empty() {
            return None;
        }
        self.nanos = (0..9).fold(0, |nanos, place| nanos * 10 + digits.get(place).map_or(0, |d| u32::from(d - b'0')));
        Some(rest)
    }

    fn read_offset<'a>(&mut self, text: &'a [u8]) -> Option<&'a [u8]> {
        let is_offset = |byte: &u8| byte.is_ascii_digit() || *byte == b':';
        let len = match text.first()? {
            b'Z' | b'z' => 1,
            b'+' | b'-' => 1 + text[1..].iter().take_while(|byte| is_offset(byte)).count(),
            _ => return None,
        };
        let (zone, rest) = text.split_at(len);
        self.offset = offset(zone)?;
        Some(rest)
    }

    /// Seconds and nanoseconds since 1970-01-01T00:00:00Z.
    pub(super) fn timestamp(&self) -> Option<(i64, u32)> {
        let day = match self.day_of_year {
            Some(day) => {
                let is_leap = days(self.year, 2, 29).is_some();
                if day == 0 || day > 365 + u32::from(is_leap) {
                    return None;
                }
                days(self.year, 1, 1)? + day.cast_signed() - 1
            }
            None => days(self.year, self.month, self.day)?,
        };
        let hour = self.half_day.map_or(self.hour, |half| self.hour % 12 + half);
        let second_of_day = i64::from(hour * 3600 + self.minute * 60 + self.second);
        Some((i64::from(day) * 86_400 + second_of_day - self.offset, self.nanos))
    }
}

/// The number that the first digits of `text`, at least one and at most `most`, spell, and what follows them.
fn number(text: &[u8], most: usize) -> Option<(u32, &[u8])> {
    let count = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(count);
    let value = digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    (count > 0).then_some((value, rest))
}

/// Passes over a name of UTC.
fn zone(text: &[u8]) -> Option<&[u8]> {
    [b"UTC".as_slice(), b"GMT", b"Z"].iter().find_map(|name| text.strip_prefix(*name))
}
