//! Partitioned tables in directories: `column=value` names as Hive spells them.

use std::fmt::Write;

/// The value of NULL in a path.
pub const NULL_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// A column of a path and its value there; none for NULL.
pub type PartitionValue = (String, Option<String>);

/// The directory of a value: `column=value`, with NULL and the empty text as [`NULL_VALUE`], as Hive writes them.
pub fn directory(column: &str, value: Option<&str>) -> String {
    let value = value.filter(|value| !value.is_empty()).map_or_else(|| NULL_VALUE.to_owned(), escape);
    format!("{}={value}", escape(column))
}

/// Writes characters that have a meaning in paths as `%XX`: those that Hive escapes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        let special = letter.is_ascii_control() || "\"#%'*/:=?\\{}[]^".contains(letter);
        if special {
            // Special characters are ASCII: one byte. Writing to a text does not fail.
            let _ = write!(escaped, "%{:02X}", u32::from(letter));
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

/// Undoes [`escape`]. A `%` without two hexadecimal digits behind it means itself, and so does a `%XX` beyond ASCII that
/// is no UTF-8.
pub fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).filter(|_| byte == b'%');
        let value = digits.and_then(|digits| Some(16 * digit(digits[0])? + digit(digits[1])?));
        plain.push(value.unwrap_or(byte));
        at += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8(plain).unwrap_or_else(|_| text.to_owned())
}

fn digit(letter: u8) -> Option<u8> {
    char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The column and value of a directory's name; none when it is no partition.
pub fn parse_directory(name: &str) -> Option<PartitionValue> {
    let (column, value) = name.split_once('=')?;
    if column.is_empty() {
        return None;
    }
    let value = (value != NULL_VALUE).then(|| unescape(value));
    Some((unescape(column), value))
}

/// The values of all partition directories of a file's path relative to its table, outer ones first.
pub fn values_of(relative_path: &str) -> Vec<PartitionValue> {
    let directories = relative_path.rsplit_once('/').map_or("", |(directories, _)| directories);
    directories.split('/').filter_map(parse_directory).collect()
}

/// True for a directory whose files are no data. `_column=value` is a partition, not hidden, for Spark as well.
pub(crate) fn is_hidden_directory(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn directories() {
        assert_eq!(directory("year", Some("2015")), "year=2015");
        assert_eq!(directory("at", Some("10:20/x")), "at=10%3A20%2Fx");
        assert_eq!(directory("a=b", Some("ü %")), "a%3Db=ü %25");
        assert_eq!(directory("x", None), "x=__HIVE_DEFAULT_PARTITION__");
        assert_eq!(directory("x", Some("")), "x=__HIVE_DEFAULT_PARTITION__");
        assert_eq!(directory("x", Some("a\n\u{7f}")), "x=a%0A%7F");
    }

    #[test]
    fn what_others_wrote() {
        assert_eq!(unescape("100%"), "100%");
        assert_eq!(unescape("%zz%4"), "%zz%4");
        assert_eq!(unescape("a%3ab"), "a:b");
        assert_eq!(unescape("%C3%BC"), "ü");
        assert_eq!(unescape("%FF"), "%FF");
        assert_eq!(parse_directory("plain"), None);
        assert_eq!(parse_directory("=x"), None);
        assert_eq!(parse_directory("a="), Some(("a".to_owned(), Some(String::new()))));
        assert_eq!(parse_directory("a=b=c"), Some(("a".to_owned(), Some("b=c".to_owned()))));
    }

    #[test]
    fn values() {
        let expected = [("year".to_owned(), Some("2015".to_owned())), ("who".to_owned(), None)];
        assert_eq!(values_of("year=2015/deep/who=__HIVE_DEFAULT_PARTITION__/a=1.csv"), expected);
        assert_eq!(values_of("a=1.csv"), []);
    }

    proptest! {
        #[test]
        fn escaping_can_be_undone(column in "\\PC{1,8}", value in any::<String>()) {
            let name = directory(&column, Some(&value));
            prop_assert!(!name.contains('/') && !name.contains('\0'));
            let value = (!value.is_empty()).then_some(value);
            prop_assert_eq!(parse_directory(&name), Some((column, value)));
        }
    }
}
