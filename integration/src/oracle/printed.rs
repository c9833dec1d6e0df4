//! Answers as bobbin prints them.

use super::answer::{Answer, Column, Kind, Value};
use super::sheet::cells;

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `--format csv`.
    Csv,
    /// `--format json`.
    Json,
}

impl Format {
    /// The word for it on the command line.
    pub(super) fn word(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
        }
    }

    /// An answer, read as values of these columns.
    ///
    /// # Errors
    /// What of it cannot be read.
    pub(super) fn read(self, text: &str, columns: &[Column]) -> Result<Answer, String> {
        match self {
            Format::Csv => from_csv(text, columns),
            Format::Json => from_json(text, columns),
        }
    }
}

fn from_csv(text: &str, columns: &[Column]) -> Result<Answer, String> {
    let mut rows = cells(text)?.into_iter();
    let names = rows.next().ok_or("there is no header")?;
    if names.len() != columns.len() {
        return Err(format!("{} columns, expected {}", names.len(), columns.len()));
    }
    let named = names.into_iter().zip(columns);
    let found: Vec<Column> =
        named.map(|(name, column)| Column { name: name.unwrap_or_default(), kind: column.kind }).collect();
    let mut answer = Answer { columns: found, rows: Vec::new() };
    // An empty line would be no row: a missing value that is alone in its row is printed like an empty text.
    let is_alone = matches!(columns, [Column { kind, .. }] if *kind != Kind::Text);
    for row in rows {
        let texts = row.iter().map(Option::as_deref).map(|text| text.filter(|text| !(is_alone && text.is_empty())));
        answer.rows.push(values(texts, columns)?);
    }
    Ok(answer)
}

/// Objects of JSON: members by the columns' names, which must all be there.
fn from_json(text: &str, columns: &[Column]) -> Result<Answer, String> {
    let mut answer = Answer { columns: columns.to_vec(), rows: Vec::new() };
    for line in text.lines() {
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
        if object.len() != columns.len() {
            return Err(format!("{} members, expected {}: {line}", object.len(), columns.len()));
        }
        let mut texts = Vec::new();
        for Column { name, .. } in columns {
            let member = object.get(name).ok_or_else(|| format!("no member {name}: {line}"))?;
            let text = || member.as_str().map_or_else(|| member.to_string(), str::to_owned);
            texts.push((!member.is_null()).then(text));
        }
        answer.rows.push(values(texts.iter().map(Option::as_deref), columns)?);
    }
    Ok(answer)
}

fn values<'a>(texts: impl Iterator<Item = Option<&'a str>>, columns: &[Column]) -> Result<Vec<Value>, String> {
    let mut row = Vec::new();
    for (text, column) in texts.zip(columns) {
        row.push(Value::read(text, column.kind).map_err(|reason| format!("column {}: {reason}", column.name))?);
    }
    match row.len() == columns.len() {
        true => Ok(row),
        false => Err(format!("a row has {} cells, expected {}", row.len(), columns.len())),
    }
}
