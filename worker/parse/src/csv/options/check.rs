//! Contradictions between options, found before anything is read.

use std::collections::BTreeSet;

use arrow::datatypes::{DataType, Schema};

use super::{ColumnOptions, CsvOptions};
use crate::values::{Format, FormatError};

/// Options that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// A byte that ends records cannot separate or quote fields too.
    #[error("{role} cannot be a line end; choose another byte")]
    LineEnd {
        /// The option.
        role: &'static str,
    },
    /// One byte cannot do both.
    #[error("separator and quote are both {0:?}; choose another separator or switch quoting off")]
    SameByte(char),
    /// Two options that must differ do not.
    #[error("{first} and {second} are both {text:?}; they must differ")]
    Same {
        /// An option.
        first: &'static str,
        /// Another one.
        second: &'static str,
        /// The value of both.
        text: String,
    },
    /// A byte that is part of characters.
    #[error(
        "{role} is byte {byte:#04x}, which is no character in encoding UTF-8; choose an ASCII character, or set \
         encoding to latin1 or cp1252"
    )]
    NotAscii {
        /// The option.
        role: &'static str,
        /// Its value.
        byte: u8,
    },
    /// A comment prefix that could not be told from a record's fields.
    #[error("comment is {comment:?}, which {fault}; choose another prefix")]
    Comment {
        /// The prefix.
        comment: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A byte that numbers are written with already.
    #[error("{role} is {byte:?}, which has another meaning in numbers; choose a punctuation character")]
    NumberByte {
        /// The option.
        role: &'static str,
        /// Its value.
        byte: char,
    },
    /// Lines behind a header that is not there.
    #[error("skip_rows_after_header is {0} but header is false; use skip_rows")]
    NoHeaderToSkipAfter(usize),
    /// Two columns cannot have one name.
    #[error("names has {0:?} twice; give each column a name of its own")]
    SameName(String),
    /// One text cannot mean both.
    #[error("{text:?} is in both {first} and {second}; take it out of one")]
    Ambiguous {
        /// The text.
        text: String,
        /// An option.
        first: &'static str,
        /// Another one.
        second: &'static str,
    },
    /// A format of dates that cannot be read.
    #[error("format of column {column}")]
    Format {
        /// The column.
        column: String,
        /// What is wrong.
        #[source]
        source: FormatError,
    },
    /// Options of a column that is not there.
    #[error("column {0} has options but the file has no such column; correct the name, or leave it out")]
    NoSuchColumn(String),
    /// A format of a column that is neither a date nor a timestamp.
    #[error(
        "column {column} has a format but its type is {data_type}; declare it as DATE or TIMESTAMP, or leave out the \
         format"
    )]
    FormatOfOtherType {
        /// The column.
        column: String,
        /// Its type.
        data_type: String,
    },
    /// A record needs room.
    #[error("max_record_bytes must be between 1 and 1073741824, not {0}")]
    RecordLimit(usize),
}

/// Upper limit of [`CsvOptions::max_record_bytes`]: positions inside a block are 32 bits wide.
const MAX_RECORD_LIMIT: usize = 1 << 30;

/// Longest comment prefix: each of its bytes is a state of a split's reader.
const MAX_COMMENT: usize = 64;

impl CsvOptions {
    /// Checks what the types do not: [`crate::csv::CsvDecoder`] and [`crate::csv::infer`] expect options that pass.
    ///
    /// # Errors
    /// The first contradiction found.
    pub fn check(&self) -> Result<(), OptionsError> {
        self.check_bytes()?;
        self.check_comment()?;
        self.check_numbers()?;
        self.check_meanings()?;
        if !self.header && self.skip_rows_after_header > 0 {
            return Err(OptionsError::NoHeaderToSkipAfter(self.skip_rows_after_header));
        }
        if let Some(name) = self.names.as_deref().and_then(repeated) {
            return Err(OptionsError::SameName(name.clone()));
        }
        for (column, options) in &self.columns {
            let format = options.format.as_deref().map(Format::compile).transpose();
            format.map_err(|source| OptionsError::Format { column: column.clone(), source })?;
        }
        if !(1..=MAX_RECORD_LIMIT).contains(&self.max_record_bytes) {
            return Err(OptionsError::RecordLimit(self.max_record_bytes));
        }
        Ok(())
    }

    /// Checks that the options of single columns fit the columns of a file.
    ///
    /// # Errors
    /// A column that is not there, or whose type has no format.
    pub fn check_columns(&self, schema: &Schema) -> Result<(), OptionsError> {
        for (name, ColumnOptions { format, .. }) in &self.columns {
            let field = schema.field_with_name(name).map_err(|_| OptionsError::NoSuchColumn(name.clone()))?;
            let has_format = matches!(field.data_type(), DataType::Date32 | DataType::Timestamp(..));
            if format.is_some() && !has_format {
                let data_type = field.data_type().to_string();
                return Err(OptionsError::FormatOfOtherType { column: name.clone(), data_type });
            }
        }
        Ok(())
    }

    /// The bytes that have a meaning in records.
    fn marks(&self) -> impl Iterator<Item = (&'static str, u8)> {
        let all = [("separator", Some(self.separator)), ("quote", self.quote), ("escape", self.escape)];
        all.into_iter().filter_map(|(role, byte)| Some((role, byte?)))
    }

    fn check_bytes(&self) -> Result<(), OptionsError> {
        if self.quote == Some(self.separator) {
            return Err(OptionsError::SameByte(char::from(self.separator)));
        }
        for (role, byte) in self.marks() {
            if byte == b'\n' || byte == b'\r' {
                return Err(OptionsError::LineEnd { role });
            }
            if !byte.is_ascii() && !self.encoding.is_single_byte() {
                return Err(OptionsError::NotAscii { role, byte });
            }
            if let Some((first, _)) = self.marks().find(|(other, found)| *found == byte && *other != role) {
                return Err(OptionsError::Same { first, second: role, text: char::from(byte).into() });
            }
        }
        Ok(())
    }

    fn check_comment(&self) -> Result<(), OptionsError> {
        let Some(comment) = &self.comment else { return Ok(()) };
        let refused = |fault| Err(OptionsError::Comment { comment: comment.clone(), fault });
        let Some(prefix) = self.encoding.encode(comment) else {
            return refused("has characters that encoding lacks");
        };
        match prefix.first() {
            None => return refused("is empty"),
            Some(_) if prefix.len() > MAX_COMMENT => return refused("is longer than 64 bytes"),
            Some(b' ' | b'\t') if self.skip_initial_space => {
                return refused("begins with a blank, while skip_initial_space skips blanks");
            }
            Some(_) => (),
        }
        for byte in prefix {
            match self.marks().find(|(_, mark)| *mark == byte) {
                Some(("separator", _)) => return refused("holds the separator"),
                Some(("quote", _)) => return refused("holds the quote"),
                Some(_) => return refused("holds the escape"),
                None if byte == b'\n' || byte == b'\r' => return refused("holds a line end"),
                None => (),
            }
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), OptionsError> {
        let bytes = [("decimal_separator", Some(self.decimal_separator)), ("thousands", self.thousands)];
        for (role, byte) in bytes {
            let Some(byte) = byte else { continue };
            let is_free = byte == b' ' || (byte.is_ascii_punctuation() && byte != b'+' && byte != b'-');
            if !is_free || (byte == b' ' && role == "decimal_separator") {
                return Err(OptionsError::NumberByte { role, byte: char::from(byte) });
            }
            if self.quote == Some(byte) || self.escape == Some(byte) {
                let second = if self.quote == Some(byte) { "quote" } else { "escape" };
                return Err(OptionsError::Same { first: role, second, text: char::from(byte).into() });
            }
        }
        if self.thousands == Some(self.decimal_separator) {
            let text = char::from(self.decimal_separator).into();
            return Err(OptionsError::Same { first: "decimal_separator", second: "thousands", text });
        }
        Ok(())
    }

    /// No text is two things.
    fn check_meanings(&self) -> Result<(), OptionsError> {
        let of_columns = self.columns.values().flat_map(|options| &options.null_tokens);
        let nulls: Vec<&String> = self.null_tokens.iter().chain(of_columns).collect();
        let lists = [
            ("null_tokens", nulls),
            ("true_values", self.true_values.iter().collect()),
            ("false_values", self.false_values.iter().collect()),
        ];
        for (index, (first, texts)) in lists.iter().enumerate() {
            for (second, others) in &lists[index + 1..] {
                if let Some(text) = texts.iter().find(|text| others.contains(text)) {
                    return Err(OptionsError::Ambiguous { text: (*text).clone(), first, second });
                }
            }
        }
        Ok(())
    }
}

/// The first name that was there before.
fn repeated(names: &[String]) -> Option<&String> {
    let mut seen = BTreeSet::new();
    names.iter().find(|name| !seen.insert(*name))
}

#[cfg(test)]
mod tests;
