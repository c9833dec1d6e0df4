//! One step into a JSON text: a member of an object or an element of an array, as it is written.

use std::borrow::Cow;

use super::cursor::{Cursor, Malformed};
use super::scan::Scanner;
use super::text::unescape;

/// Where to step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// To the member of this name; the last one where a name is there twice.
    Member(&'a str),
    /// To this element, from 0; from the end where it is negative.
    Element(i64),
}

/// The value at a step into `text`, as it is written; `None` where there is none, or `text` is not JSON up to there.
pub fn get<'a>(text: &'a str, step: Step<'_>) -> Option<&'a str> {
    let mut cursor = Cursor::new(text.as_bytes(), Scanner::detect());
    cursor.go(0, text.len());
    cursor.skip_blanks();
    let open = cursor.peek();
    cursor.step();
    let found = match (open, step) {
        (b'{', Step::Member(name)) => member(&mut cursor, name),
        (b'[', Step::Element(number)) => element(&mut cursor, number),
        _ => return None,
    };
    let (start, end) = found.ok()??;
    text.get(start..end)
}

/// What a value means as text: a string without its quotes and escapes, other values as they are written; `None` for
/// `null`.
pub fn text_of(value: &str) -> Option<Cow<'_, str>> {
    let value = value.trim_matches([' ', '\t', '\r', '\n']);
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if inner.contains('\\') => {
            let mut text = Vec::with_capacity(inner.len());
            unescape(inner.as_bytes(), true, &mut text).ok()?;
            String::from_utf8(text).ok().map(Cow::Owned)
        }
        Some(inner) => Some(Cow::Borrowed(inner)),
        None if value == "null" => None,
        None => Some(Cow::Borrowed(value)),
    }
}

type Found = Result<Option<(usize, usize)>, Malformed>;

/// Passes the next value; where it is.
fn value(cursor: &mut Cursor<'_>) -> Result<(usize, usize), Malformed> {
    let start = cursor.at();
    cursor.skip_value()?;
    Ok((start, cursor.at()))
}

fn member(cursor: &mut Cursor<'_>, name: &str) -> Found {
    let mut found = None;
    cursor.skip_blanks();
    if cursor.peek() == b'}' {
        return Ok(None);
    }
    loop {
        let is_wanted = cursor.key()?.key().is_some_and(|key| *key == *name.as_bytes());
        cursor.colon()?;
        let value = value(cursor)?;
        if is_wanted {
            found = Some(value);
        }
        if !cursor.comma_or(b'}')? {
            return Ok(found);
        }
    }
}

fn element(cursor: &mut Cursor<'_>, number: i64) -> Found {
    let mut all = Vec::new();
    cursor.skip_blanks();
    if cursor.peek() == b']' {
        return Ok(None);
    }
    loop {
        all.push(value(cursor)?);
        if usize::try_from(number).is_ok_and(|number| number + 1 == all.len()) {
            return Ok(all.pop());
        }
        if !cursor.comma_or(b']')? {
            let from_end = usize::try_from(number.unsigned_abs()).ok().filter(|_| number < 0);
            return Ok(from_end.and_then(|back| all.len().checked_sub(back)).map(|at| all[at]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_elements_come_as_they_are_written() {
        let text = r#" {"a": [1, {"b": "x\"y"} , 1e400],"":{}, "a\u0062":  null,"d":1,"d":2} "#;
        for (step, expected) in [
            (Step::Member("a"), Some(r#"[1, {"b": "x\"y"} , 1e400]"#)),
            (Step::Member(""), Some("{}")),
            (Step::Member("ab"), Some("null")),
            (Step::Member("d"), Some("2")),
            (Step::Member("e"), None),
            (Step::Element(0), None),
        ] {
            assert_eq!(get(text, step), expected, "{step:?}");
        }
        let list = get(text, Step::Member("a")).unwrap();
        for (number, expected) in
            [(0, Some("1")), (2, Some("1e400")), (3, None), (-1, Some("1e400")), (-3, Some("1")), (-4, None)]
        {
            assert_eq!(get(list, Step::Element(number)), expected, "{number}");
        }
        assert_eq!(get("{}", Step::Member("a")), None);
        assert_eq!(get("[]", Step::Element(0)), None);
    }

    #[test]
    fn what_is_not_json_has_nothing() {
        for text in ["", "x", "{", "[", "[1", r#"{"a""#, r#"{"a":"#, r#"{"a":1"#, r#"{"b":1]"#, "3", "\"a\""] {
            assert_eq!(get(text, Step::Member("a")), None, "{text}");
            assert_eq!(get(text, Step::Element(1)), None, "{text}");
        }
    }

    #[test]
    fn strings_lose_their_quotes() {
        assert_eq!(text_of(r#" "a\n\u00e4" "#).as_deref(), Some("a\nä"));
        assert_eq!(text_of("\"\"").as_deref(), Some(""));
        assert_eq!(text_of("null"), None);
        assert_eq!(text_of(" [1] ").as_deref(), Some("[1]"));
    }
}
