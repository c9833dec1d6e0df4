//! Contradictions, each with what its message must name.

use arrow::datatypes::Field;

use super::*;
use crate::csv::Encoding;

fn refused(options: &CsvOptions) -> String {
    options.check().unwrap_err().to_string()
}

fn default() -> CsvOptions {
    CsvOptions::default()
}

#[test]
fn defaults_pass() {
    assert_eq!(default().check(), Ok(()));
    assert_eq!(CsvOptions { null_tokens: crate::csv::pandas_null_tokens(), ..default() }.check(), Ok(()));
}

#[test]
fn bytes_of_records() {
    let separator = CsvOptions { separator: b'\n', ..default() };
    assert_eq!(separator.check(), Err(OptionsError::LineEnd { role: "separator" }));
    let same = CsvOptions { separator: b'"', ..default() };
    assert_eq!(same.check(), Err(OptionsError::SameByte('"')));
    let escape = CsvOptions { escape: Some(b'"'), ..default() };
    assert_eq!(refused(&escape), "escape and quote are both \"\\\"\"; they must differ");
    let foreign = CsvOptions { separator: 0xa7, ..default() };
    assert_eq!(foreign.check(), Err(OptionsError::NotAscii { role: "separator", byte: 0xa7 }));
    assert_eq!(CsvOptions { encoding: Encoding::Latin1, ..foreign }.check(), Ok(()));
    let limit = CsvOptions { max_record_bytes: 0, ..default() };
    assert_eq!(limit.check(), Err(OptionsError::RecordLimit(0)));
}

#[test]
fn comments() {
    let with = |comment: &str| CsvOptions { comment: Some(comment.into()), ..default() };
    assert_eq!(with("//").check(), Ok(()));
    for (comment, fault) in
        [("", "is empty"), (",x", "holds the separator"), ("#\"", "holds the quote"), ("#\r", "holds a line end")]
    {
        assert!(refused(&with(comment)).contains(fault), "{comment:?}");
    }
    let latin1 = CsvOptions { encoding: Encoding::Latin1, ..with("€") };
    assert!(refused(&latin1).contains("encoding"));
    let blank = CsvOptions { skip_initial_space: true, ..with(" #") };
    assert!(refused(&blank).contains("skip_initial_space"));
    let escape = CsvOptions { escape: Some(b'\\'), ..with("\\") };
    assert!(refused(&escape).contains("holds the escape"));
}

#[test]
fn numbers() {
    let comma = CsvOptions { decimal_separator: b',', thousands: Some(b'.'), ..default() };
    assert_eq!(comma.check(), Ok(()));
    let same = CsvOptions { thousands: Some(b'.'), ..default() };
    assert_eq!(refused(&same), "decimal_separator and thousands are both \".\"; they must differ");
    for byte in [b'-', b'e', b'0', b'\n'] {
        let odd = CsvOptions { thousands: Some(byte), ..default() };
        assert!(refused(&odd).starts_with("thousands is "), "{byte}");
    }
    let quote = CsvOptions { decimal_separator: b'"', ..default() };
    assert!(refused(&quote).starts_with("decimal_separator and quote are both"));
}

#[test]
fn texts_with_two_meanings() {
    let both = CsvOptions { true_values: vec!["1".into()], false_values: vec!["1".into()], ..default() };
    assert_eq!(refused(&both), "\"1\" is in both true_values and false_values; take it out of one");
    let null = CsvOptions { null_tokens: vec!["no".into()], false_values: vec!["no".into()], ..default() };
    assert_eq!(refused(&null), "\"no\" is in both null_tokens and false_values; take it out of one");
    let names = CsvOptions { names: Some(vec!["a".into(), "a".into()]), ..default() };
    assert!(refused(&names).starts_with("names has \"a\" twice"));
    let after = CsvOptions { header: false, skip_rows_after_header: 2, ..default() };
    assert!(refused(&after).starts_with("skip_rows_after_header is 2 but header is false"));
}

#[test]
fn options_of_columns() {
    let with = |format: &str| {
        let column = ColumnOptions { format: Some(format.into()), ..ColumnOptions::default() };
        CsvOptions { columns: [("when".to_owned(), column)].into(), ..default() }
    };
    assert_eq!(refused(&with("%Q")), "format of column when");
    let options = with("%d.%m.%Y");
    assert_eq!(options.check(), Ok(()));
    let schema = |name: &str, data_type| Schema::new(vec![Field::new(name, data_type, true)]);
    assert_eq!(options.check_columns(&schema("when", DataType::Date32)), Ok(()));
    let missing = options.check_columns(&schema("then", DataType::Date32));
    assert_eq!(missing, Err(OptionsError::NoSuchColumn("when".into())));
    let text = options.check_columns(&schema("when", DataType::Utf8View)).unwrap_err();
    assert!(text.to_string().starts_with("column when has a format but its type is Utf8View"));
}
