//! What an archive's entries amount to: is each one safe, and what kind of environment are they together?

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::Defect;
use crate::paths;
use crate::read::Kind;

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

/// Bytes of all paths, which are held in memory, at most.
const NAMES: usize = 2 << 30;
/// Bytes that each of them needs beside its own.
const EACH: usize = 64;

/// Collects entries in the order in which they are unpacked.
#[derive(Default)]
pub(crate) struct Contents {
    /// Everything that is not a directory, and whether it is a file that can be executed.
    leaves: BTreeMap<Vec<u8>, Leaf>,
    directories: BTreeSet<Vec<u8>>,
    tops: BTreeSet<Vec<u8>>,
    /// Directories at the root (key "") or in a top directory that carry a mark of a style.
    marks: BTreeMap<Vec<u8>, Style>,
    names: usize,
}

#[derive(Clone, Copy)]
enum Leaf {
    File { executable: bool },
    Link,
}

impl Contents {
    /// Takes in one entry and returns its path without `.`, or says why it must not be unpacked. The path of the root is
    /// empty.
    pub(crate) fn add(&mut self, path: &[u8], kind: Kind<'_>, mode: u32) -> Result<Vec<u8>, Defect> {
        let components = paths::components(path)?;
        let normal = components.join(&b'/');
        let Some((_, parent)) = components.split_last() else {
            return if kind == Kind::Directory { Ok(normal) } else { Err(Defect::ParentPath) };
        };
        self.check_parents(parent)?;
        let leaf = match kind {
            Kind::Directory => None,
            Kind::File => Some(Leaf::File { executable: mode & 0o111 != 0 }),
            Kind::Symlink { target } => {
                paths::check_link(parent, target)?;
                Some(Leaf::Link)
            }
            Kind::HardLink { target } => Some(self.hard_link(target)?),
            Kind::Special { kind } => return Err(Defect::Special { kind }),
        };
        if self.leaves.contains_key(&normal) || (leaf.is_some() && self.directories.contains(&normal)) {
            return Err(Defect::Twice);
        }
        self.count(&normal)?;
        self.mark(&components, leaf.is_none());
        self.tops.insert(components[0].to_vec());
        match leaf {
            Some(leaf) => drop(self.leaves.insert(normal.clone(), leaf)),
            None => drop(self.directories.insert(normal.clone())),
        }
        Ok(normal)
    }

    /// The file that a hard link names: an earlier one of the archive.
    fn hard_link(&self, target: &[u8]) -> Result<Leaf, Defect> {
        let path = paths::components(target).map_err(|_| Defect::EscapingLink { target: paths::text(target) })?;
        match self.leaves.get(&path.join(&b'/')) {
            Some(leaf @ Leaf::File { .. }) => Ok(*leaf),
            Some(Leaf::Link) | None => Err(Defect::DanglingHardLink { target: paths::text(target) }),
        }
    }

    fn check_parents(&mut self, parent: &[&[u8]]) -> Result<(), Defect> {
        let mut path = Vec::new();
        for part in parent {
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(part);
            if self.leaves.contains_key(&path) {
                return Err(Defect::BelowLink { parent: paths::text(&path) });
            }
            if !self.directories.contains(&path) {
                self.count(&path)?;
                self.directories.insert(path.clone());
            }
        }
        Ok(())
    }

    /// A short name in an archive can make a long row of directories.
    fn count(&mut self, path: &[u8]) -> Result<(), Defect> {
        self.names += path.len() + EACH;
        if self.names > NAMES { Err(Defect::Names) } else { Ok(()) }
    }

    fn mark(&mut self, components: &[&[u8]], directory: bool) {
        let mut note = |prefix: &[u8], rest: &[&[u8]]| {
            let style = match rest {
                [b"conda-meta"] if directory => Style::Conda,
                [b"conda-meta", _] => Style::Conda,
                [b"pyvenv.cfg"] | [b"bin", b"activate"] => Style::Venv,
                _ => return,
            };
            let known = self.marks.entry(prefix.to_vec()).or_insert(style);
            if style == Style::Conda {
                *known = style;
            }
        };
        note(b"", components);
        if let Some((top, rest)) = components.split_first() {
            note(top, rest);
        }
    }

    /// The style of the archive's root.
    pub(crate) fn style(&self) -> Style {
        self.marks.get(&b""[..]).copied().unwrap_or(Style::Plain)
    }

    /// The single top directory, where that is the environment and not the archive's root.
    pub(crate) fn nested_in(&self) -> Option<String> {
        if self.marks.contains_key(&b""[..]) {
            return None;
        }
        let mut tops = self.tops.iter();
        let top = tops.next()?;
        (tops.next().is_none() && self.marks.contains_key(top)).then(|| paths::text(top))
    }

    /// An interpreter at its usual place that cannot be executed.
    pub(crate) fn dead_interpreter(&self) -> Option<String> {
        ["bin/python", "bin/python3"]
            .into_iter()
            .find(|path| matches!(self.leaves.get(path.as_bytes()), Some(Leaf::File { executable: false })))
            .map(str::to_owned)
    }

    /// Whether the archive has `bin/python` or `bin/python3`.
    pub(crate) fn has_interpreter(&self) -> bool {
        ["bin/python", "bin/python3"].iter().any(|path| self.leaves.contains_key(path.as_bytes()))
    }
}
