//! Tables that both sides read, and how each side's SQL names them.

use std::path::PathBuf;

use serde::Serialize;

/// What a table is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Comma-separated, with a header.
    Csv,
    /// One object a line.
    Json,
}

/// A file with its columns.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// Its name: queries say `{name}`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Its kind.
    pub source: Source,
    /// Columns with their SQL types; those of JSON may be DuckDB's `STRUCT(…)`, bobbin learns them from the file.
    pub columns: Vec<(String, String)>,
}

impl Table {
    /// A CSV file.
    pub fn csv(name: &str, path: impl Into<PathBuf>, columns: &[(&str, &str)]) -> Table {
        Table::new(name, path.into(), Source::Csv, columns)
    }

    /// A file of JSON lines.
    pub fn json(name: &str, path: impl Into<PathBuf>, columns: &[(&str, &str)]) -> Table {
        Table::new(name, path.into(), Source::Json, columns)
    }

    fn new(name: &str, path: PathBuf, source: Source, columns: &[(&str, &str)]) -> Table {
        let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect();
        Table { name: name.to_owned(), path, source, columns }
    }

    /// What bobbin's SQL calls it: the file at this path, with types where they can be given.
    pub(super) fn ours(&self, path: &str) -> String {
        match self.source {
            Source::Json => format!("'{path}'"),
            Source::Csv => {
                let types: Vec<String> = self.columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
                format!("read_csv('{path}', types => '{}')", types.join(", "))
            }
        }
    }
}

/// A query with each `{name}` replaced by what `word` makes of the table of that name.
pub(super) fn filled(sql: &str, tables: &[Table], word: impl Fn(&Table) -> String) -> String {
    tables.iter().fold(sql.to_owned(), |sql, table| sql.replace(&format!("{{{}}}", table.name), &word(table)))
}
