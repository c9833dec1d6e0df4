//! How a CSV file is written: what separates, what quotes, what stands for NULL.

mod check;

use std::collections::BTreeMap;

pub use check::OptionsError;

use crate::OnBad;
use crate::csv::Encoding;

/// The dialect of a CSV file and the limits of its reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// Between the fields of a record; one byte.
    pub separator: u8,
    /// Around a field that holds separators, newlines or quotes (a quote inside is doubled); `None`: no quoting at all.
    pub quote: Option<u8>,
    /// Before a byte that stands for itself, in quotes and outside; null tokens are compared before it is taken away.
    pub escape: Option<u8>,
    /// Lines that begin with it, outside quotes, are skipped and count as nothing.
    pub comment: Option<String>,
    /// The first record of the file names the columns.
    pub header: bool,
    /// Names of the columns, in place of the header's if there is one.
    pub names: Option<Vec<String>>,
    /// Lines to skip at the file's start, before the header; quotes mean nothing in them.
    pub skip_rows: usize,
    /// Lines to skip behind the header; quotes mean nothing in them.
    pub skip_rows_after_header: usize,
    /// Blanks and tabs at a field's start are no part of it, and a quote behind them quotes.
    pub skip_initial_space: bool,
    /// Columns that a record lacks at its end are NULL; else it is a bad record.
    pub allow_short_rows: bool,
    /// A separator behind a record's last field ends the record; else there is one field too many.
    pub allow_trailing_sep: bool,
    /// How bytes spell characters.
    pub encoding: Encoding,
    /// Texts that stand for NULL in unquoted fields, beside the empty field, which always does; in columns whose type is
    /// not text also in quoted ones.
    pub null_tokens: Vec<String>,
    /// Texts that are true, beside `true` in any case.
    pub true_values: Vec<String>,
    /// Texts that are false, beside `false` in any case.
    pub false_values: Vec<String>,
    /// Between the whole and the fraction of a number.
    pub decimal_separator: u8,
    /// Between groups of three digits of a number, where somebody wrote it.
    pub thousands: Option<u8>,
    /// What holds for single columns, by their names.
    pub columns: BTreeMap<String, ColumnOptions>,
    /// What becomes of records that cannot be read.
    pub on_bad: OnBad,
    /// Longest record; a longer one is bad, because it is nearly always a quote that is never closed. Reading goes on at
    /// the first line behind so many bytes of it.
    pub max_record_bytes: usize,
}

/// What holds for one column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnOptions {
    /// How dates or timestamps are written, in the directives of `strptime`: `%Y %y %m %b %B %d %j %H %I %p %M %S %f %z
    /// %Z %%`; all else stands for itself.
    pub format: Option<String>,
    /// Texts that stand for NULL, beside those of the whole file.
    pub null_tokens: Vec<String>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        CsvOptions {
            separator: b',',
            quote: Some(b'"'),
            escape: None,
            comment: None,
            header: true,
            names: None,
            skip_rows: 0,
            skip_rows_after_header: 0,
            skip_initial_space: false,
            allow_short_rows: false,
            allow_trailing_sep: false,
            encoding: Encoding::Utf8,
            null_tokens: Vec::new(),
            true_values: Vec::new(),
            false_values: Vec::new(),
            decimal_separator: b'.',
            thousands: None,
            columns: BTreeMap::new(),
            on_bad: OnBad::Fail,
            max_record_bytes: 16 << 20,
        }
    }
}

/// The texts that pandas takes for NULL unless told otherwise.
pub fn pandas_null_tokens() -> Vec<String> {
    const TOKENS: [&str; 19] = [
        "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
        "NULL", "NaN", "None", "n/a", "nan", "null",
    ];
    TOKENS.map(str::to_owned).to_vec()
}
