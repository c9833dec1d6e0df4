//! Formats and what they read.

use super::*;

fn check(format: &str, text: &str, expected: &str) {
    let found = Format::compile(format).unwrap().timestamp(text.as_bytes());
    let expected = crate::values::parse_timestamp(expected.as_bytes());
    assert!(expected.is_some());
    assert_eq!(found, expected, "{format} on {text}");
}

fn refused(format: &str, text: &str) {
    assert_eq!(Format::compile(format).unwrap().timestamp(text.as_bytes()), None, "{format} on {text}");
}

#[test]
fn dates() {
    check("%Y-%m-%d", "2015-01-31", "2015-01-31");
    check("%d/%m/%Y", "1/2/2015", "2015-02-01");
    check("%m/%d/%Y", "1/2/2015", "2015-01-02");
    check("%Y%m%d", "20150131", "2015-01-31");
    check("%d.%m.%y", "31.12.68", "2068-12-31");
    check("%d.%m.%y", "31.12.69", "1969-12-31");
    check("%d %b %Y", "5 may 2015", "2015-05-05");
    check("%d %B %Y", "05 September 2015", "2015-09-05");
    check("%B %d, %Y", "Sep 5, 2015", "2015-09-05");
    check("%Y/%j", "2016/366", "2016-12-31");
    check("100%% %Y %j", "100% 2015 1", "2015-01-01");
    check("le %d·%m·%Y", "le 01·02·2015", "2015-02-01");
}

#[test]
fn times() {
    check("%d/%m/%Y %H:%M:%S", "31/01/2015 23:59:58", "2015-01-31 23:59:58");
    check("%d/%m/%Y %I:%M %p", "31/01/2015 12:05 AM", "2015-01-31 00:05");
    check("%d/%m/%Y %I:%M%p", "31/01/2015 12:05pm", "2015-01-31 12:05");
    check("%d/%m/%Y %I%p", "31/01/2015 1pm", "2015-01-31 13:00");
    check("%Y-%m-%dT%H:%M:%S.%f", "2015-01-31T01:02:03.5", "2015-01-31 01:02:03.5");
    check("%Y-%m-%dT%H:%M:%S.%f%z", "2015-01-31T01:02:03.123456789+0230", "2015-01-30 22:32:03.123456789");
    check("%Y-%m-%d %H:%M%z", "2015-01-31 01:02-01", "2015-01-31 02:02");
    check("%Y-%m-%d %H:%M %Z", "2015-01-31 01:02 GMT", "2015-01-31 01:02");
    check("%Y-%m-%d %H:%M%z", "2015-01-31 01:02Z", "2015-01-31 01:02");
}

#[test]
fn what_does_not_follow_the_format() {
    for text in ["", "2015-01-31 ", " 2015-01-31", "2015-1-32", "2015-02-29", "2015-13-01", "15-01-01", "2015/01/01"] {
        refused("%Y-%m-%d", text);
    }
    for text in ["2015-01-01 24", "2015-01-01 ", "2015-01-01 -1"] {
        refused("%Y-%m-%d %H", text);
    }
    refused("%Y-%m-%d %I %p", "2015-01-01 13 PM");
    refused("%Y-%m-%d %I %p", "2015-01-01 0 AM");
    refused("%Y-%j", "2015-366");
    refused("%Y-%j", "2015-0");
    refused("%d %b %Y", "1 Mai 2015");
    refused("%Y-%m-%d %Z", "2015-01-01 CET");
    refused("%Y-%m-%d %z", "2015-01-01 +25");
    refused("%Y-%m-%d %S.%f", "2015-01-01 1.");
    refused("%Y-%m-%d %S.%f", "2015-01-01 1.1234567890");
}

#[test]
fn a_date_has_no_time_of_day() {
    let format = Format::compile("%Y-%m-%d %H").unwrap();
    assert_eq!(format.date(b"1970-01-02 0"), Some(1));
    assert_eq!(format.date(b"1969-12-31 00"), Some(-1));
    assert_eq!(format.date(b"1970-01-02 1"), None);
}

#[test]
fn formats_that_name_no_moment() {
    let check = |format: &str, expected| assert_eq!(Format::compile(format).unwrap_err(), expected, "{format}");
    check("%Q", FormatError::Unknown('Q'));
    check("%Y-%m-%d%", FormatError::Unfinished);
    check("%Y-%m", FormatError::NoDate);
    check("%H:%M", FormatError::NoDate);
    check("%Y%y-%m-%d", FormatError::Repeated('y'));
    check("%Y-%m-%d %B", FormatError::Repeated('B'));
    check("%Y-%m-%d %j", FormatError::Repeated('j'));
    check("%Y-%m-%d %I", FormatError::HalfDay);
    check("%Y-%m-%d %H %p", FormatError::HalfDay);
    check("%Y-%m-%d %H %I %p", FormatError::Repeated('I'));
}
