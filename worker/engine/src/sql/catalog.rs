//! The tables and views that statements have made.

use std::collections::BTreeMap;

use crate::error::PlanError;
use crate::kept::KeptTable;
use crate::sql::query_text::QueryText;
use crate::tables::Source;

/// Tables and views by name. Cheap enough to clone for every statement.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    entries: BTreeMap<String, Entry>,
}

/// What a name means.
#[expect(clippy::large_enum_variant, reason = "there is one of them a name, and a handful of names")]
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// Files.
    Table(Source),
    /// A query.
    View(QueryText),
    /// Rows in the memory of workers.
    Kept(KeptTable),
}

impl Catalog {
    /// The names that it knows, and what each is, in order.
    pub fn names(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry.kind()))
    }

    /// What a name means.
    pub(crate) fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// Gives a name a meaning; returns whether anything changed.
    pub(crate) fn create(
        &mut self,
        name: &str,
        entry: Entry,
        (or_replace, if_not_exists): (bool, bool),
    ) -> Result<bool, PlanError> {
        match self.entries.get(name) {
            Some(_) if if_not_exists => Ok(false),
            Some(there) if !or_replace => Err(taken(name, there)),
            Some(_) | None => {
                self.entries.insert(name.to_owned(), entry);
                Ok(true)
            }
        }
    }

    /// Gives a kept table its name, in place of what had it.
    pub fn keep(&mut self, table: KeptTable) {
        self.entries.insert(table.name().to_owned(), Entry::Kept(table));
    }

    /// Forgets a name.
    pub(crate) fn drop(&mut self, name: &str, if_exists: bool) -> Result<(), PlanError> {
        if self.entries.remove(name).is_none() && !if_exists {
            return Err(PlanError::Statement(format!("drop {name}: there is no such table or view")));
        }
        Ok(())
    }
}

/// Why a name cannot be given.
pub(crate) fn taken(name: &str, there: &Entry) -> PlanError {
    let kind = there.kind();
    PlanError::Statement(format!("there is a {kind} called {name}; write CREATE OR REPLACE, or DROP it first"))
}

impl Entry {
    /// What to call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Entry::Table(_) => "table",
            Entry::View(_) => "view",
            Entry::Kept(_) => "kept table",
        }
    }
}
