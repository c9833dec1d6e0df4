//! Which paths go into an archive: the user's patterns and the slim preset.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

use crate::plan::Reason;
use crate::tree::bytes;

/// Decides about paths in the archive.
pub(crate) trait Filter {
    /// Why `path` is left out; `None` when it goes in. A directory that is left out is not read.
    fn leaves_out(&self, path: &Path, is_directory: bool) -> Option<Reason>;
}

/// A pattern that is none.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no pattern")]
pub struct BadPattern(pub String, #[source] pub globset::Error);

/// Patterns in the order in which they were given: the last one that matches decides.
///
/// A pattern without a slash matches names at any depth, one with a slash paths from the environment's root. `*` stays
/// within a name, `**` crosses directories.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    rules: Vec<Rule>,
    texts: Vec<(bool, String)>,
    slim: bool,
}

#[derive(Clone, Debug)]
struct Rule {
    matcher: GlobMatcher,
    includes: bool,
    names_only: bool,
}

impl Patterns {
    /// Leaves out what matches `pattern`.
    ///
    /// # Errors
    /// When it is no pattern.
    pub fn exclude(&mut self, pattern: &str) -> Result<(), BadPattern> {
        self.add(pattern, false)
    }

    /// Takes in what matches `pattern`, although something before left it out.
    ///
    /// # Errors
    /// When it is no pattern.
    pub fn include(&mut self, pattern: &str) -> Result<(), BadPattern> {
        self.add(pattern, true)
    }

    /// Leaves out what programs do not need: bytecode, tests, headers, static libraries, documentation.
    pub fn slim(&mut self) {
        self.slim = true;
    }

    /// The patterns as they were given, for keys of caches.
    pub(crate) fn text(&self) -> String {
        format!("{} {:?}", self.slim, self.texts)
    }

    fn add(&mut self, pattern: &str, includes: bool) -> Result<(), BadPattern> {
        let trimmed = pattern.trim_start_matches("./").trim_end_matches('/');
        let names_only = !trimmed.contains('/');
        let glob = GlobBuilder::new(trimmed.trim_start_matches('/')).literal_separator(true).build();
        let matcher = glob.map_err(|error| BadPattern(pattern.to_owned(), error))?.compile_matcher();
        self.rules.push(Rule { matcher, includes, names_only });
        self.texts.push((includes, pattern.to_owned()));
        Ok(())
    }
}

impl Rule {
    fn matches(&self, path: &Path) -> bool {
        if self.names_only {
            path.file_name().is_some_and(|name| self.matcher.is_match(name))
        } else {
            self.matcher.is_match(path)
        }
    }
}

impl Filter for Patterns {
    fn leaves_out(&self, path: &Path, is_directory: bool) -> Option<Reason> {
        match self.rules.iter().rev().find(|rule| rule.matches(path)) {
            Some(rule) if rule.includes => None,
            Some(_) => Some(Reason::Excluded),
            // What is included below a directory needs the directory.
            None if is_directory && self.slim && self.includes_below(path) => None,
            None => {
                if self.slim {
                    slim(path, is_directory)
                } else {
                    None
                }
            }
        }
    }
}

impl Patterns {
    fn includes_below(&self, directory: &Path) -> bool {
        let below = format!("{}/", directory.display());
        self.texts.iter().any(|(includes, text)| *includes && text.trim_start_matches("./").starts_with(&below))
    }
}

/// The slim preset, for a path and everything above it.
fn slim(path: &Path, is_directory: bool) -> Option<Reason> {
    let mut above = path.ancestors();
    let own = above.next().filter(|path| is_directory || !path.as_os_str().is_empty());
    let own = own.and_then(|path| if is_directory { slim_directory(path) } else { slim_file(path) });
    own.or_else(|| above.find_map(slim_directory))
}

fn slim_directory(path: &Path) -> Option<Reason> {
    match bytes(path.file_name()?.as_ref()) {
        b"__pycache__" => Some(Reason::Bytecode),
        b"tests" | b"test" if in_packages(path) => Some(Reason::Tests),
        b"include" if path == Path::new("include") => Some(Reason::Headers),
        b"doc" | b"man" | b"info" | b"gtk-doc" if path.parent().is_some_and(|it| it.ends_with("share")) => {
            Some(Reason::Documentation)
        }
        _ => None,
    }
}

fn slim_file(path: &Path) -> Option<Reason> {
    match path.extension().map(|extension| bytes(extension.as_ref()))? {
        b"pyc" => Some(Reason::Bytecode),
        b"a" | b"la" => Some(Reason::StaticLibrary),
        b"h" | b"hpp" | b"hh" | b"pxd" if in_packages(path) => Some(Reason::Headers),
        _ => None,
    }
}

fn in_packages(path: &Path) -> bool {
    path.iter().any(|part| part == "site-packages" || part == "dist-packages")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(patterns: &Patterns, path: &str, expected: Option<Reason>) {
        let (path, directory) = match path.strip_suffix('/') {
            Some(path) => (path, true),
            None => (path, false),
        };
        assert_eq!(patterns.leaves_out(Path::new(path), directory), expected, "{path}");
    }

    #[test]
    fn the_last_match_decides() {
        let mut patterns = Patterns::default();
        patterns.exclude("*.txt").unwrap();
        patterns.include("keep.txt").unwrap();
        patterns.exclude("lib/**/data").unwrap();
        check(&patterns, "a/b.txt", Some(Reason::Excluded));
        check(&patterns, "a/keep.txt", None);
        check(&patterns, "lib/x/y/data/", Some(Reason::Excluded));
        check(&patterns, "data/", None);
        assert!(patterns.exclude("a[").is_err());
    }

    #[test]
    fn slim_knows_what_programs_do_not_need() {
        let mut patterns = Patterns::default();
        patterns.slim();
        patterns.include("lib/python3.11/site-packages/numpy/_core/tests/_natype.py").unwrap();
        check(&patterns, "lib/python3.11/__pycache__/", Some(Reason::Bytecode));
        check(&patterns, "lib/python3.11/site-packages/pandas/tests/", Some(Reason::Tests));
        check(&patterns, "lib/python3.11/site-packages/numpy/_core/tests/", None);
        check(&patterns, "lib/python3.11/site-packages/numpy/_core/tests/_natype.py", None);
        check(&patterns, "lib/python3.11/site-packages/numpy/_core/tests/test_x.py", Some(Reason::Tests));
        check(&patterns, "include/", Some(Reason::Headers));
        check(&patterns, "lib/libx.a", Some(Reason::StaticLibrary));
        check(&patterns, "share/doc/", Some(Reason::Documentation));
        check(&patterns, "bin/python", None);
    }
}
