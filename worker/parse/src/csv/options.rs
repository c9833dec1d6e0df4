//! How a CSV file is written: what separates, what quotes, what stands for NULL.

/// The dialect of a CSV file and the limits of its reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// Between the fields of a record; one byte.
    pub separator: u8,
    /// Around a field that holds separators, newlines or quotes (a quote inside is doubled); `None`: no quoting at all.
    pub quote: Option<u8>,
    /// The first record of the file names the columns.
    pub header: bool,
    /// Texts that stand for NULL in unquoted fields, beside the empty field, which always does.
    pub null_tokens: Vec<String>,
    /// Longest record; a longer one is an error, because it is nearly always a quote that is never closed.
    pub max_record_bytes: usize,
}

impl Default for CsvOptions {
    fn default() -> Self {
        CsvOptions {
            separator: b',',
            quote: Some(b'"'),
            header: true,
            null_tokens: Vec::new(),
            max_record_bytes: 16 << 20,
        }
    }
}

/// Options that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// A byte that ends records cannot separate or quote fields too.
    #[error("{role} cannot be a line end; choose another byte")]
    LineEnd {
        /// "separator" or "quote".
        role: &'static str,
    },
    /// One byte cannot do both.
    #[error("separator and quote are both {0:?}; choose another separator or switch quoting off")]
    SameByte(char),
    /// A record needs room.
    #[error("max_record_bytes must be between 1 and 1073741824, not {0}")]
    RecordLimit(usize),
}

/// Upper limit of [`CsvOptions::max_record_bytes`]: positions inside a block are 32 bits wide.
pub(crate) const MAX_RECORD_LIMIT: usize = 1 << 30;

impl CsvOptions {
    /// Checks what the types do not: [`crate::CsvDecoder`] and [`crate::csv::infer`] expect options that pass.
    ///
    /// # Errors
    /// The first contradiction found.
    pub fn check(&self) -> Result<(), OptionsError> {
        let is_line_end = |byte: u8| byte == b'\n' || byte == b'\r';
        if is_line_end(self.separator) {
            return Err(OptionsError::LineEnd { role: "separator" });
        }
        if self.quote.is_some_and(is_line_end) {
            return Err(OptionsError::LineEnd { role: "quote" });
        }
        if self.quote == Some(self.separator) {
            return Err(OptionsError::SameByte(char::from(self.separator)));
        }
        if !(1..=MAX_RECORD_LIMIT).contains(&self.max_record_bytes) {
            return Err(OptionsError::RecordLimit(self.max_record_bytes));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_pass() {
        assert_eq!(CsvOptions::default().check(), Ok(()));
    }

    #[test]
    fn contradictions_are_named() {
        let default = CsvOptions::default();
        let separator = CsvOptions { separator: b'\n', ..default.clone() };
        assert_eq!(separator.check(), Err(OptionsError::LineEnd { role: "separator" }));
        let same = CsvOptions { separator: b'"', ..default.clone() };
        assert_eq!(same.check(), Err(OptionsError::SameByte('"')));
        let limit = CsvOptions { max_record_bytes: 0, ..default };
        assert_eq!(limit.check(), Err(OptionsError::RecordLimit(0)));
    }
}
