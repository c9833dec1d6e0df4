//! What an archive's entries amount to: is each one safe, and what kind of environment are they together?

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::Defect;
use crate::paths;

/// What kind of environment an archive holds, which decides how it is activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Style {
    /// A virtual environment (`pyvenv.cfg` or `bin/activate`).
    Venv,
    /// A conda prefix (`conda-meta`).
    Conda,
    /// Any directory tree.
    Plain,
}

/// The kinds of entries that may be in an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    Directory,
    File { executable: bool },
    Link { target: &'a str },
    HardLink { target: &'a str },
    Special { kind: &'static str },
}

/// Collects entries in the order in which they are unpacked.
#[derive(Default)]
pub(crate) struct Contents {
    /// Everything that is not a directory, and whether it is a file that can be executed.
    leaves: BTreeMap<String, Leaf>,
    tops: BTreeSet<String>,
    /// Directories at the root (key "") or in a top directory that carry a mark of a style.
    marks: BTreeMap<String, Style>,
}

#[derive(Clone, Copy)]
enum Leaf {
    File { executable: bool },
    Link,
}

impl Contents {
    /// Takes in one entry, or says why it must not be unpacked.
    pub(crate) fn add(&mut self, path: &str, kind: Kind<'_>) -> Result<(), Defect> {
        let components = paths::components(path)?;
        let Some((_, parent)) = components.split_last() else { return Ok(()) };
        self.check_parents(parent)?;
        let leaf = match kind {
            Kind::Directory => None,
            Kind::File { executable } => Some(Leaf::File { executable }),
            Kind::Link { target } => {
                paths::check_link(parent, target)?;
                Some(Leaf::Link)
            }
            Kind::HardLink { target } => Some(self.hard_link(target)?),
            Kind::Special { kind } => return Err(Defect::Special { kind }),
        };
        self.mark(&components, leaf.is_none());
        self.tops.insert(components[0].to_owned());
        if let Some(leaf) = leaf {
            self.leaves.insert(components.join("/"), leaf);
        }
        Ok(())
    }

    fn check_parents(&self, parent: &[&str]) -> Result<(), Defect> {
        let mut path = String::new();
        for part in parent {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(part);
            if self.leaves.contains_key(&path) {
                return Err(Defect::BelowLink { parent: path });
            }
        }
        Ok(())
    }

    fn hard_link(&self, target: &str) -> Result<Leaf, Defect> {
        let path = paths::components(target).map_err(|_| Defect::EscapingLink { target: target.to_owned() })?;
        let dangling = || Defect::DanglingHardLink { target: target.to_owned() };
        self.leaves.get(&path.join("/")).copied().ok_or_else(dangling)
    }

    fn mark(&mut self, components: &[&str], directory: bool) {
        let mut note = |prefix: &str, rest: &[&str]| {
            let style = match rest {
                ["conda-meta"] if directory => Style::Conda,
                ["conda-meta", _] => Style::Conda,
                ["pyvenv.cfg"] | ["bin", "activate"] => Style::Venv,
                _ => return,
            };
            let known = self.marks.entry(prefix.to_owned()).or_insert(style);
            if style == Style::Conda {
                *known = style;
            }
        };
        note("", components);
        if let Some((top, rest)) = components.split_first() {
            note(top, rest);
        }
    }

    /// The style of the archive's root.
    pub(crate) fn style(&self) -> Style {
        self.marks.get("").copied().unwrap_or(Style::Plain)
    }

    /// The single top directory, where that is the environment and not the archive's root.
    pub(crate) fn nested_in(&self) -> Option<&str> {
        if self.marks.contains_key("") {
            return None;
        }
        let mut tops = self.tops.iter();
        let top = tops.next()?;
        (tops.next().is_none() && self.marks.contains_key(top)).then_some(top)
    }

    /// An interpreter at its usual place that cannot be executed.
    pub(crate) fn dead_interpreter(&self) -> Option<String> {
        ["bin/python", "bin/python3"]
            .into_iter()
            .find(|path| matches!(self.leaves.get(*path), Some(Leaf::File { executable: false })))
            .map(str::to_owned)
    }

    /// Whether the archive has `bin/python` or `bin/python3`.
    pub(crate) fn has_interpreter(&self) -> bool {
        self.leaves.contains_key("bin/python") || self.leaves.contains_key("bin/python3")
    }
}
