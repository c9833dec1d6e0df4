//! A table as a query names it: paths, and how they are read.

use std::sync::Arc;

use crate::tables::options::{FileFormat, OptionError, Reading};
use crate::tables::value::OptionValue;

/// Files of one table and how they are written.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The paths, directories, globs or URLs as written.
    pub paths: Vec<String>,
    /// How they are read.
    pub reading: Arc<Reading>,
    /// The rows are the records that cannot be read.
    pub rejects: bool,
}

impl Source {
    /// A source of these paths; where no format is given, the first path's name speaks of it.
    pub fn new(
        paths: Vec<String>,
        format: Option<FileFormat>,
        options: Vec<(String, OptionValue)>,
    ) -> Result<Self, OptionError> {
        let named = || paths.first().map_or(FileFormat::Csv, |path| FileFormat::of(path));
        let reading = Arc::new(Reading::new(format.unwrap_or_else(named), options)?);
        if paths.is_empty() {
            return Err(OptionError::Contradiction("it needs a path".into()));
        }
        Ok(Self { paths, reading, rejects: false })
    }

    /// A path with the defaults of what its name speaks of.
    pub fn at(path: String) -> Result<Self, OptionError> {
        Self::new(vec![path], None, Vec::new())
    }

    /// The same files, as a table of the records that cannot be read.
    pub fn rejects(self) -> Self {
        // Columns are learned from the good ones.
        let reading = Arc::new(self.reading.as_ref().clone().skipping());
        Self { rejects: true, reading, ..self }
    }
}
