//! Dates and timestamps in ISO 8601's order: `2015-01-31`, `2015-01-31 23:59:59.123`, with `T` and with an offset,
//! which is converted to UTC. Fractions beyond the unit are cut off.

use arrow::array::types::{
    Date32Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};

use super::digits::load;
use super::kind::{Kind, Moment};
use super::strptime::Format;

const DAY: i64 = 86_400;

pub(crate) struct Date;

impl Kind for Date {
    type Arrow = Date32Type;
    const SQL: &'static str = "DATE";

    #[inline(always)]
    fn parse(tail: &[u8], len: usize) -> Option<i32> {
        parse_date(&tail[..len])
    }
}

impl Moment for Date {
    fn parse_as(format: &Format, text: &[u8]) -> Option<i32> {
        format.date(text)
    }
}

macro_rules! timestamp_kind {
    ($kind:ident, $arrow:ident, $per_second:literal) => {
        pub(crate) struct $kind;

        impl Kind for $kind {
            type Arrow = $arrow;
            const SQL: &'static str = "TIMESTAMP";

            #[inline(always)]
            fn parse(tail: &[u8], len: usize) -> Option<i64> {
                let text = &tail[..len];
                match common_timestamp(text) {
                    Some(seconds) => seconds.checked_mul($per_second),
                    None => since_epoch(parse_timestamp(text)?, $per_second),
                }
            }
        }

        impl Moment for $kind {
            fn parse_as(format: &Format, text: &[u8]) -> Option<i64> {
                since_epoch(format.timestamp(text)?, $per_second)
            }
        }
    };
}

timestamp_kind!(Seconds, TimestampSecondType, 1);
timestamp_kind!(Millis, TimestampMillisecondType, 1_000);
timestamp_kind!(Micros, TimestampMicrosecondType, 1_000_000);
timestamp_kind!(Nanos, TimestampNanosecondType, 1_000_000_000);

/// Units since 1970-01-01T00:00:00Z, of which a second has `per_second`.
fn since_epoch((seconds, nanos): (i64, u32), per_second: i64) -> Option<i64> {
    seconds.checked_mul(per_second)?.checked_add(i64::from(nanos) / (1_000_000_000 / per_second))
}

/// Names under which a timestamp column's zone is UTC.
pub(crate) fn is_utc(zone: &str) -> bool {
    ["UTC", "Z", "+00:00", "Etc/UTC"].contains(&zone)
}

/// Days since 1970-01-01 of `YYYY-MM-DD`.
#[inline(always)]
pub(crate) fn parse_date(text: &[u8]) -> Option<i32> {
    let text: &[u8; 10] = text.try_into().ok()?;
    let pairs = number_pairs(load(text), *b"0000-00-", [9, 9, 9, 9, 0, 9, 9, 0])?;
    let day = two_digits(text[8], text[9])?;
    days(100 * u32::from(pairs[0]) + u32::from(pairs[2]), u32::from(pairs[5]), day)
}

/// Seconds and nanoseconds since 1970-01-01T00:00:00Z of a date with or without a time and an offset.
pub(crate) fn parse_timestamp(text: &[u8]) -> Option<(i64, u32)> {
    let (date, rest) = text.split_at_checked(10)?;
    let midnight = i64::from(parse_date(date)?) * DAY;
    let time = match rest {
        [] => return Some((midnight, 0)),
        [b' ' | b'T' | b't', time @ ..] => time,
        _ => return None,
    };
    let (hours_minutes, rest) = time.split_at_checked(5)?;
    let [hour1, hour2, b':', minute1, minute2] = hours_minutes else { return None };
    let (hour, minute) = (two_digits(*hour1, *hour2)?, two_digits(*minute1, *minute2)?);
    let (second, nanos, zone) = seconds(rest)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let local = midnight + i64::from(hour * 3600 + minute * 60 + second);
    Some((local - offset(zone)?, nanos))
}

/// Exactly `YYYY-MM-DD HH:MM:SS`, the form that nearly all files use: three loads.
#[inline(always)]
fn common_timestamp(text: &[u8]) -> Option<i64> {
    let text: &[u8; 19] = text.try_into().ok()?;
    if text[10] != b' ' && text[10] != b'T' {
        return None;
    }
    let time = number_pairs(load(&text[11..]), *b"00:00:00", [9, 9, 0, 9, 9, 0, 9, 9])?;
    let (hour, minute, second) = (time[0], time[3], time[6]);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = parse_date(&text[..10])?;
    Some(i64::from(days) * DAY + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second))
}

/// Each byte of the result is the number that this digit and the next spell; `None` unless `word` follows `pattern`:
/// '0' stands for a digit (`limits` 9), anything else for itself (`limits` 0).
#[inline(always)]
fn number_pairs(word: u64, pattern: [u8; 8], limits: [u8; 8]) -> Option<[u8; 8]> {
    let digits = word ^ u64::from_le_bytes(pattern);
    let room = 0x7f7f_7f7f_7f7f_7f7f - u64::from_le_bytes(limits);
    if (digits.wrapping_add(room) | digits) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    Some((digits * 10 + (digits >> 8)).to_le_bytes())
}

#[inline(always)]
fn two_digits(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| u32::from(tens) * 10 + u32::from(ones))
}

/// Seconds, nanoseconds and what follows them: `:SS`, `:SS.fraction`, or nothing.
fn seconds(rest: &[u8]) -> Option<(u32, u32, &[u8])> {
    let [b':', tens, ones, rest @ ..] = rest else { return Some((0, 0, rest)) };
    let second = two_digits(*tens, *ones)?;
    let [b'.', rest @ ..] = rest else { return Some((second, 0, rest)) };
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, zone) = rest.split_at(count);
    if fraction.is_empty() {
        return None;
    }
    let nanos = (0..9).fold(0, |nanos, place| nanos * 10 + fraction.get(place).map_or(0, |d| u32::from(d - b'0')));
    Some((second, nanos, zone))
}

/// Seconds east of UTC: nothing, `Z`, `+02:00`, `+0200`, `+02`.
pub(super) fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match zone {
        [] | [b'Z' | b'z'] => return Some(0),
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => (sign, two_digits(*h1, *h2)?, two_digits(*m1, *m2)?),
        [sign, h1, h2] => (sign, two_digits(*h1, *h2)?, 0),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = i64::from(hours * 3600 + minutes * 60);
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

/// Days since 1970-01-01 of a day of the Gregorian calendar. Years are counted from March, so that the leap day is
/// the last of its year.
#[inline(always)]
pub(super) fn days(year: u32, month: u32, day: u32) -> Option<i32> {
    const LENGTHS: [u8; 16] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0];
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = u32::from(*LENGTHS.get(month as usize)?) + u32::from(is_leap && month == 2);
    if day == 0 || day > length {
        return None;
    }
    let march_year = year.cast_signed() + 4800 - i32::from(month <= 2);
    let march_month = (month.cast_signed() + 9) % 12;
    let day_of_year = (153 * march_month + 2) / 5 + day.cast_signed() - 1;
    let before = 365 * march_year + march_year / 4 - march_year / 100 + march_year / 400;
    Some(before + day_of_year - DAYS_BEFORE_1970)
}

/// Days from 1 March of the year -4800 to 1970-01-01.
const DAYS_BEFORE_1970: i32 = 2_472_632;

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> Option<i64> {
        Micros::parse(format!("{text},").as_bytes(), text.len())
    }

    #[test]
    fn days_count_through_four_centuries() {
        let mut expected = parse_date(b"1970-01-01").unwrap();
        assert_eq!(expected, 0);
        for year in 1970..2400 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(found) = parse_date(format!("{year:04}-{month:02}-{day:02}").as_bytes()) {
                        assert_eq!(found, expected, "{year}-{month}-{day}");
                        expected += 1;
                    }
                }
            }
        }
        assert_eq!(expected, 157_054);
        assert_eq!(parse_date(b"0001-01-01"), Some(-719_162));
        assert_eq!(parse_date(b"9999-12-31"), Some(2_932_896));
    }

    #[test]
    fn forms_of_a_timestamp() {
        let expected = Some(1_422_748_799_000_000);
        for text in ["2015-01-31 23:59:59", "2015-01-31T23:59:59", "2015-01-31T23:59:59Z", "2015-02-01 01:59:59+02:00"]
        {
            assert_eq!(micros(text), expected, "{text}");
        }
        for text in ["2015-02-01 01:59:59+0200", "2015-01-31 22:59:59-01", "2015-01-31 23:59:59.0000009"] {
            assert_eq!(micros(text), expected, "{text}");
        }
        assert_eq!(micros("2015-01-31 23:59:59.123456789"), Some(1_422_748_799_123_456));
        assert_eq!(micros("2015-01-31 23:59"), Some(1_422_748_740_000_000));
        assert_eq!(micros("2015-01-31"), Some(1_422_662_400_000_000));
        assert_eq!(micros("1969-12-31 23:59:59.5"), Some(-500_000));
        assert_eq!(Nanos::parse(b"2015-01-31 23:59:59.123456789", 29), Some(1_422_748_799_123_456_789));
        assert_eq!(Nanos::parse(b"2300-01-01", 10), None);
    }

    #[test]
    fn what_is_no_time() {
        for text in ["", "2015-02-30", "2015-13-01", "2015-00-01", "2015-01-00", "2015-1-1", "20150131", "2015/01/31"] {
            assert_eq!(parse_date(text.as_bytes()), None, "{text}");
            assert_eq!(micros(text), None, "{text}");
        }
        for text in ["2015-01-31 24:00:00", "2015-01-31 23:60:00", "2015-01-31 23:59:60", "2015-01-31x23:59:59"] {
            assert_eq!(micros(text), None, "{text}");
        }
        for text in ["2015-01-31 23:59:59.", "2015-01-31 23:59:59+", "2015-01-31 23:59:59+24:00", "2015-01-31 2:3:4"] {
            assert_eq!(micros(text), None, "{text}");
        }
        assert_eq!(micros("2015-01-31 23:59:59 "), None);
        assert_eq!(micros("2015-01-31 :3:59:59"), None);
    }

    #[test]
    fn leap_years() {
        assert!(parse_date(b"2000-02-29").is_some());
        assert!(parse_date(b"1900-02-29").is_none());
        assert!(parse_date(b"2016-02-29").is_some());
    }
}
