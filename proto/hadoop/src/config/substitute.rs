//! `${name}` in values: other properties, `${env.NAME}` with defaults, and the user's name and home.

use super::Configuration;

/// As in Hadoop: a value may refer to a value that refers to another, this many times.
const MAX_SUBSTITUTIONS: usize = 20;
/// No sane value is longer; values that double at each step stop here.
const MAX_LENGTH: usize = 1024 * 1024;

/// A value that refers to itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("value of {key} (from {file}) refers to itself, or needs more than {MAX_SUBSTITUTIONS} substitutions")]
pub struct SubstitutionError {
    /// Whose value it is.
    pub key: String,
    /// Where it was set.
    pub file: String,
}

/// Replaces references, innermost first, until none is left that resolves.
pub(super) fn expand(configuration: &Configuration, key: &str, raw: &str) -> Result<String, SubstitutionError> {
    let mut value = raw.to_owned();
    for _ in 0..=MAX_SUBSTITUTIONS {
        match replace_one(configuration, &value) {
            Some(next) if next.len() <= MAX_LENGTH => value = next,
            Some(_) => break,
            None => return Ok(value),
        }
    }
    let file = configuration.source(key).unwrap_or_default().to_owned();
    Err(SubstitutionError { key: key.to_owned(), file })
}

/// Replaces the first reference that resolves; none when none does.
fn replace_one(configuration: &Configuration, value: &str) -> Option<String> {
    let mut searched = 0;
    while let Some(length) = value[searched..].find('}') {
        let end = searched + length;
        if let Some(start) = value[..end].rfind("${")
            && let Some(found) = resolve(configuration, &value[start + 2..end])
        {
            return Some(format!("{}{found}{}", &value[..start], &value[end + 1..]));
        }
        searched = end + 1;
    }
    None
}

fn resolve(configuration: &Configuration, name: &str) -> Option<String> {
    if let Some(variable) = name.strip_prefix("env.") {
        return resolve_environment(configuration, variable);
    }
    let system = match name {
        "user.name" => configuration.environment("USER"),
        "user.home" => configuration.environment("HOME"),
        _ => None,
    };
    system.or_else(|| configuration.raw(name)).map(str::to_owned)
}

/// `NAME`, `NAME-default` (when unset), `NAME:-default` (when unset or empty).
fn resolve_environment(configuration: &Configuration, variable: &str) -> Option<String> {
    let Some((name, default)) = variable.split_once('-') else {
        return configuration.environment(variable).map(str::to_owned);
    };
    let (name, empty_counts) = match name.strip_suffix(':') {
        Some(name) => (name, false),
        None => (name, true),
    };
    let found = configuration.environment(name).filter(|value| empty_counts || !value.is_empty());
    Some(found.unwrap_or(default).to_owned())
}
