//! Names of columns.

use std::collections::BTreeSet;

use super::Record;
use crate::csv::fields::{shown, unquoted};
use crate::{Reason, RecordError};

/// The names in a header; empty ones are made up.
pub(super) fn header(record: &Record<'_>) -> Result<Vec<String>, RecordError> {
    let mut names = Vec::new();
    for (index, raw) in record.fields.iter().enumerate() {
        let text = match record.quote {
            Some(quote) if raw.first() == Some(&quote) => unquoted(raw, quote),
            _ => (*raw).into(),
        };
        let name = std::str::from_utf8(&text).map_err(|_| record.error(Reason::NotUtf8 { value: shown(&text) }))?;
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
