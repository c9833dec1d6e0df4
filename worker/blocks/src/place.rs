//! What a path or URL means: a file system and a path on it.

use std::path::PathBuf;

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A path of this host; as it was given, so perhaps relative.
    Local(PathBuf),
    /// A path of an HDFS name space.
    Hdfs(HdfsPath),
}

/// A path of an HDFS name space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HdfsPath {
    /// Name service, or host with or without port; empty for the one that `fs.defaultFS` names.
    pub(crate) authority: String,
    /// Absolute, without a slash at its end or two in a row.
    pub(crate) path: String,
}

/// A scheme that is neither ours nor absent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownScheme;

impl Place {
    /// Takes `url_or_path` apart. Without `scheme://` (or `file:/`, `hdfs:/`) it is a local path.
    pub(crate) fn parse(url_or_path: &str) -> Result<Place, UnknownScheme> {
        if let Some(rest) = url_or_path.strip_prefix("hdfs:") {
            let (authority, path) = authority_and_path(rest).ok_or(UnknownScheme)?;
            return Ok(Place::Hdfs(HdfsPath { authority: authority.to_owned(), path: tidy(path) }));
        }
        if let Some(rest) = url_or_path.strip_prefix("file:/") {
            let (authority, path) = authority_and_path(&url_or_path["file:".len()..]).unwrap_or(("", rest));
            let here = authority.is_empty() || authority == "localhost";
            return if here { Ok(Place::Local(PathBuf::from(path))) } else { Err(UnknownScheme) };
        }
        if has_scheme(url_or_path) { Err(UnknownScheme) } else { Ok(Place::Local(PathBuf::from(url_or_path))) }
    }
}

/// Splits `//authority/path` or `/path`.
fn authority_and_path(rest: &str) -> Option<(&str, &str)> {
    let Some(rest) = rest.strip_prefix("//") else {
        return rest.starts_with('/').then_some(("", rest));
    };
    let slash = rest.find('/').unwrap_or(rest.len());
    Some((&rest[..slash], if slash == rest.len() { "/" } else { &rest[slash..] }))
}

fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once("://") else { return false };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
}

/// One slash between names, none at the end, one in front.
fn tidy(path: &str) -> String {
    let mut tidy = String::with_capacity(path.len());
    for name in path.split('/').filter(|name| !name.is_empty()) {
        tidy.push('/');
        tidy.push_str(name);
    }
    if tidy.is_empty() { "/".to_owned() } else { tidy }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let seen = match Place::parse(text) {
            Ok(Place::Local(path)) => format!("local {}", path.display()),
            Ok(Place::Hdfs(place)) => format!("hdfs [{}] {}", place.authority, place.path),
            Err(UnknownScheme) => "unknown".to_owned(),
        };
        assert_eq!(seen, expected, "{text}");
    }

    #[test]
    fn schemes() {
        check("a/b.csv", "local a/b.csv");
        check("/a/b.csv", "local /a/b.csv");
        check("odd:name.csv", "local odd:name.csv");
        check("file:///a/b.csv", "local /a/b.csv");
        check("file:/a/b.csv", "local /a/b.csv");
        check("file://localhost/a", "local /a");
        check("file://elsewhere/a", "unknown");
        check("file:name", "local file:name");
        check("hdfs://nn:8020//a//b/", "hdfs [nn:8020] /a/b");
        check("hdfs://ns/a#b c%20d", "hdfs [ns] /a#b c%20d");
        check("hdfs:///a", "hdfs [] /a");
        check("hdfs:/a", "hdfs [] /a");
        check("hdfs://ns", "hdfs [ns] /");
        check("hdfs:a", "unknown");
        check("s3://bucket/a", "unknown");
        check("https://host/a", "unknown");
    }
}
