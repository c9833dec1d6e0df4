//! What will be in the archive, decided before anything is written.

mod build;
mod bytecode;
mod checks;
mod conda;
mod interpreter;
pub(crate) mod libraries;
mod links;
mod scripts;
mod venv;

use std::path::PathBuf;

use crate::contents::Style;
use crate::relocate::Relocation;
use crate::tree::Entry;

pub(crate) use build::{build, key};

/// Why something of the environment is not in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A pattern of the user's.
    Excluded,
    /// Compiled Python, left out by the slim preset.
    Bytecode,
    /// Tests.
    Tests,
    /// Headers, and what else only compilers need.
    Headers,
    /// Static libraries.
    StaticLibrary,
    /// Documentation.
    Documentation,
    /// What ties a virtual environment to the interpreter of this machine.
    Tie,
    /// The interpreter's own packages, which the environment does not see.
    OtherPackages,
    /// It is missing or leads out of the environment, and the user has said to ignore that.
    Missing,
}

impl Reason {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Reason::Excluded => "excluded",
            Reason::Bytecode => "bytecode",
            Reason::Tests => "tests",
            Reason::Headers => "what compilers need",
            Reason::StaticLibrary => "static libraries",
            Reason::Documentation => "documentation",
            Reason::Tie => "ties to this machine's interpreter",
            Reason::OtherPackages => "the interpreter's own packages",
            Reason::Missing => "links that lead nowhere",
        }
    }
}

/// A path that is not in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it would be in the archive.
    pub path: PathBuf,
    /// Why it is not.
    pub reason: Reason,
    /// Bytes of its files.
    pub bytes: u64,
}

/// What will be in the archive.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What kind of environment it is.
    pub(crate) style: Style,
    /// Its directory, absolute and without links.
    pub(crate) root: PathBuf,
    /// Everything in it, sorted, each path once.
    pub(crate) entries: Vec<Entry>,
    /// How files are made independent of the place where they were installed.
    pub(crate) relocation: Relocation,
    /// What is left out.
    pub(crate) left_out: Vec<LeftOut>,
    /// What a person should know.
    pub(crate) notes: Vec<String>,
}
