//! Names of columns.

use std::collections::BTreeSet;

use super::records::Record;
use super::{CsvOptions, InferError};
use crate::Reason;
use crate::csv::fields::{TextRules, shown};

/// The names of all columns: those that the options give, or those of the first record if it is a header; made up where
/// there are none.
pub(super) fn header(first: &Record<'_>, options: &CsvOptions) -> Result<Vec<String>, InferError> {
    let columns = first.fields.len();
    match &options.names {
        Some(names) if names.len() == columns => return Ok(names.clone()),
        Some(names) => return Err(InferError::Names { named: names.len(), columns }),
        None if !options.header => return Ok((1..=columns).map(made_up).collect()),
        None => (),
    }
    let rules = TextRules { null_tokens: Vec::new(), ..TextRules::new(options, None) };
    let mut names = Vec::new();
    for (index, raw) in first.fields.iter().enumerate() {
        let text = rules.encoding.decode(rules.text(raw).unwrap_or_default());
        let name = std::str::from_utf8(&text).map_err(|_| first.error(Reason::NotUtf8 { value: shown(&text) }))?;
        names.push(if name.is_empty() { made_up(index + 1) } else { name.to_owned() });
    }
    Ok(names)
}

/// Name of the n-th column, counted from 1, of a file that names none.
pub(super) fn made_up(number: usize) -> String {
    format!("column_{number}")
}

/// The names with a number behind those that were there before: a, a_1, a_2.
pub(super) fn unique(names: &[String], warnings: &mut Vec<String>) -> Vec<String> {
    let given: BTreeSet<&String> = names.iter().collect();
    let mut taken = BTreeSet::new();
    let mut unique = Vec::new();
    for name in names {
        let mut candidate = name.clone();
        let mut number = 0;
        while taken.contains(&candidate) || (number > 0 && given.contains(&candidate)) {
            number += 1;
            candidate = format!("{name}_{number}");
        }
        if number > 0 {
            warnings.push(format!("column name {name:?} occurs more than once; this one is called {candidate:?}"));
        }
        taken.insert(candidate.clone());
        unique.push(candidate);
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_get_numbers_that_nobody_has() {
        let names: Vec<String> = ["a", "a", "b", "a_1", "a"].map(String::from).to_vec();
        let mut warnings = Vec::new();
        assert_eq!(unique(&names, &mut warnings), ["a", "a_2", "b", "a_1", "a_3"]);
        assert_eq!(warnings.len(), 2);
        assert_eq!(warnings[0], "column name \"a\" occurs more than once; this one is called \"a_2\"");
    }
}
