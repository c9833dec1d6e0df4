//! Values of fields, as text: the way in which a cell of the kernel's batches is shown.

use bobbin_parse::csv::Encoding;

use super::Case;
use super::case::Type;
use super::record::Field;

/// The value of a field; `Err`: the kind of its fault.
pub fn of(case: &Case, column: usize, field: Field) -> Result<Option<String>, &'static str> {
    let Some(field) = field else { return Ok(None) };
    if field.is_null {
        return Ok(None);
    }
    if case.types[column] == Type::Text {
        return text(case.options.encoding, &field.bytes).map(Some);
    }
    let Ok(text) = String::from_utf8(field.bytes) else { return Err("bad value") };
    let text = text.trim_matches([' ', '\t']);
    if text.is_empty() || case.options.null_tokens.iter().any(|token| token == text) {
        return Ok(None);
    }
    let value = match case.types[column] {
        Type::Text => Some(text.to_owned()),
        Type::Integer => integer(text, case.options.thousands),
        Type::Boolean => boolean(case, text),
        Type::Decimal => decimal(text, case.options.decimal_separator, case.options.thousands),
    };
    value.map(Some).ok_or("bad value")
}

fn text(encoding: Encoding, bytes: &[u8]) -> Result<String, &'static str> {
    match encoding {
        Encoding::Utf8 => String::from_utf8(bytes.to_vec()).map_err(|_| "not UTF-8"),
        Encoding::Utf8Lossy => Ok(String::from_utf8_lossy(bytes).into_owned()),
        Encoding::Latin1 | Encoding::Cp1252 => Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}

fn integer(text: &str, thousands: Option<u8>) -> Option<String> {
    ungrouped(text, thousands)?.parse::<i64>().ok().map(|value| value.to_string())
}

fn boolean(case: &Case, text: &str) -> Option<String> {
    let is = |word: &str, more: &[String]| text.eq_ignore_ascii_case(word) || more.iter().any(|known| known == text);
    if is("true", &case.options.true_values) {
        Some("true".into())
    } else if is("false", &case.options.false_values) {
        Some("false".into())
    } else {
        None
    }
}

/// A `DECIMAL(5, 1)`.
fn decimal(text: &str, point: u8, thousands: Option<u8>) -> Option<String> {
    let (whole, fraction) = text.split_once(char::from(point)).unwrap_or((text, ""));
    let whole = ungrouped(whole, thousands)?;
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, whole.strip_prefix('+').unwrap_or(&whole)),
    };
    let is_number = format!("{digits}{fraction}").bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || fraction.len() > 1 || (digits.is_empty() && fraction.is_empty()) {
        return None;
    }
    let tenths: i128 = format!("0{digits}{fraction:0<1}").parse().ok()?;
    let tenths = (tenths < 100_000).then_some(sign * tenths)?;
    Some(format!("{}{}.{}", if tenths < 0 { "-" } else { "" }, tenths.abs() / 10, tenths.abs() % 10))
}

/// A whole number without the bytes between its groups of three digits.
fn ungrouped(whole: &str, thousands: Option<u8>) -> Option<String> {
    let Some(mark) = thousands.map(char::from).filter(|mark| whole.contains(*mark)) else { return Some(whole.into()) };
    let (sign, digits) = whole.split_at(usize::from(whole.starts_with(['+', '-'])));
    for (index, group) in digits.split(mark).enumerate() {
        let is_whole = group.len() == 3 || (index == 0 && (1..=3).contains(&group.len()));
        if !is_whole || !group.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
    }
    Some(format!("{sign}{}", digits.replace(mark, "")))
}
