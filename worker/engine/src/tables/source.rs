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
    /// Nobody said what the format is, and the path's name is all that is known.
    is_guess: bool,
}

impl Source {
    /// A source of these paths; where no format is given, the first path's name speaks of it.
    pub fn new(
        paths: Vec<String>,
        format: Option<FileFormat>,
        options: Vec<(String, OptionValue)>,
    ) -> Result<Self, OptionError> {
        let named = || paths.first().map_or(FileFormat::Csv, |path| FileFormat::of(path));
        let is_guess = format.is_none();
        let reading = Arc::new(Reading::new(format.unwrap_or_else(named), options)?);
        if paths.is_empty() {
            return Err(OptionError::Contradiction("it needs a path".into()));
        }
        Ok(Self { paths, reading, rejects: false, is_guess })
    }

    /// A path with the defaults of what its name speaks of.
    pub fn at(path: String) -> Result<Self, OptionError> {
        Self::new(vec![path], None, Vec::new())
    }

    /// How these files are read: a directory's name may say nothing where the names of its files do.
    pub fn reading_of<'a>(&self, urls: impl Iterator<Item = &'a str>) -> Result<Arc<Reading>, OptionError> {
        let mut formats = urls.map(FileFormat::of);
        let first = formats.next().filter(|first| self.is_guess && *first != self.reading.format);
        match first {
            Some(first) if formats.all(|format| format == first) => {
                Ok(Arc::new(Reading::new(first, self.reading.written.clone())?))
            }
            Some(_) | None => Ok(Arc::clone(&self.reading)),
        }
    }

    /// The same files, as a table of the records that cannot be read.
    pub fn rejects(self) -> Self {
        // Columns are learned from the good ones.
        let reading = Arc::new(self.reading.as_ref().clone().skipping());
        Self { rejects: true, reading, ..self }
    }
}
