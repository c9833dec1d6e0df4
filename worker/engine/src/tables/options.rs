//! How a table is read: one set of named options for `read_csv(…)`, `CREATE EXTERNAL TABLE … OPTIONS` and programs.
//!
//! An option is a name and a value; [`list`] says what each does. The pairs as they were written travel to workers, who
//! make the same [`Reading`] of them: no option can be forgotten on the way.

#![allow(clippy::wildcard_enum_match_arm, reason = "types are foreign and many")]

mod list;

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use bobbin_blocks::compression::Compression;
use bobbin_parse::csv::{CsvDecoder, CsvOptions};
use bobbin_parse::json::{JsonDecoder, JsonOptions};
use bobbin_parse::{Decoder, OnBad, Wanted};

use crate::scan::Split;
use crate::tables::value::OptionValue;

pub(crate) use list::option_names;

/// How the records of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum FileFormat {
    /// Comma-separated values, or whatever separates them.
    Csv = 0,
    /// One JSON object a line.
    Json = 1,
}

/// An option that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OptionError {
    /// Nobody knows it.
    #[error("there is no option {name}; there are {known}")]
    Unknown {
        /// As it was written.
        name: String,
        /// All names.
        known: String,
    },
    /// It is another format's.
    #[error("{name} is an option of {format} files")]
    OtherFormat {
        /// As it was written.
        name: String,
        /// Whose it is.
        format: &'static str,
    },
    /// It does not take this value.
    #[error("{name} {takes}")]
    Unfit {
        /// As it was written.
        name: String,
        /// What it takes.
        takes: String,
    },
    /// It is given twice.
    #[error("{name} is given twice")]
    Twice {
        /// As it was written, the second time.
        name: String,
    },
    /// Some contradict each other.
    #[error("{0}")]
    Contradiction(String),
}

/// How a table is read.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// The format of its files.
    pub format: FileFormat,
    /// Its options as they were written.
    pub written: Vec<(String, OptionValue)>,
    /// The dialect of CSV files.
    pub csv: Arc<CsvOptions>,
    /// The dialect of JSON files.
    pub json: Arc<JsonOptions>,
    /// What only planning needs to know.
    pub table: TableOptions,
}

/// Options that say what a table is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TableOptions {
    /// How files are compressed; `None`: their names say.
    pub compression: Option<Compression>,
    /// Declared types of some columns.
    pub types: Option<OptionValue>,
    /// All columns and their types; nothing is inferred.
    pub columns: Option<OptionValue>,
    /// Whether directories named `k=v` are columns; `None`: if all files have them.
    pub hive_partitioning: Option<bool>,
    /// Declared types of partition columns.
    pub hive_types: Option<OptionValue>,
    /// Columns are matched by name, not by position.
    pub union_by_name: bool,
    /// Name of a column with the file's URL.
    pub filename: Option<String>,
    /// Name of a column with the record's offset.
    pub file_offset: Option<String>,
    /// Name of a column with the record's number in its file.
    pub file_row_number: Option<String>,
    /// How dates are written where a column has no format of its own.
    pub date_format: Option<String>,
    /// How timestamps are written where a column has no format of its own.
    pub timestamp_format: Option<String>,
    /// Only the first rows.
    pub nrows: Option<u64>,
    /// Bytes of each file from which columns are inferred.
    pub sample_bytes: Option<u64>,
    /// Most bad records that may be left out or changed.
    pub max_bad: Option<u64>,
}

impl Reading {
    /// The reading that these options describe.
    pub fn new(format: FileFormat, written: Vec<(String, OptionValue)>) -> Result<Self, OptionError> {
        let (csv, json, table) = Default::default();
        let mut draft = Draft { format, csv, json, table };
        let mut seen = Vec::new();
        for (name, value) in &written {
            let canonical = list::set(&mut draft, format, name, value)?;
            if seen.contains(&canonical) {
                return Err(OptionError::Twice { name: name.clone() });
            }
            seen.push(canonical);
        }
        let Draft { mut csv, json, table, .. } = draft;
        // A quote as its own escape is what CSV has anyway.
        csv.escape = csv.escape.filter(|_| csv.escape != csv.quote);
        csv.check().map_err(|error| OptionError::Contradiction(error.to_string()))?;
        json.check().map_err(|error| OptionError::Contradiction(error.to_string()))?;
        Ok(Self { format, written, csv: Arc::new(csv), json: Arc::new(json), table })
    }

    /// The same reading, which leaves bad records out.
    pub fn skipping(mut self) -> Self {
        Arc::make_mut(&mut self.csv).on_bad = OnBad::Skip;
        Arc::make_mut(&mut self.json).on_bad = OnBad::Skip;
        self
    }

    /// A decoder of the records of `split`.
    pub fn decoder(&self, wanted: Wanted, split: &Split) -> Box<dyn Decoder> {
        match self.format {
            FileFormat::Csv => {
                let options = self.csv_of(&wanted.file_schema);
                Box::new(match split.first_record {
                    Some(first) => {
                        let first = Some(first).filter(|first| *first < split.end);
                        CsvDecoder::starting_at(options, wanted, split.range(), first)
                    }
                    None => CsvDecoder::new(options, wanted, split.range()),
                })
            }
            FileFormat::Json => {
                let options = self.json_of(&wanted.file_schema);
                Box::new(JsonDecoder::new(options, wanted, split.range()))
            }
        }
    }

    /// Refuses options that name columns which are not there, or do not fit their types.
    pub fn check_columns(&self, schema: &SchemaRef) -> Result<(), OptionError> {
        let checked = match self.format {
            FileFormat::Csv => self.csv_of(schema).check_columns(schema).map_err(|error| error.to_string()),
            FileFormat::Json => self.json_of(schema).check_columns(schema).map_err(|error| error.to_string()),
        };
        checked.map_err(OptionError::Contradiction)
    }

    /// The dialect with the formats of all columns of dates and times.
    fn csv_of(&self, schema: &SchemaRef) -> Arc<CsvOptions> {
        let TableOptions { date_format, timestamp_format, .. } = &self.table;
        if date_format.is_none() && timestamp_format.is_none() {
            return Arc::clone(&self.csv);
        }
        let mut options = self.csv.as_ref().clone();
        for field in schema.fields() {
            let format = match field.data_type() {
                DataType::Date32 => date_format,
                DataType::Timestamp(..) => timestamp_format,
                _ => continue,
            };
            let column = options.columns.entry(field.name().clone()).or_default();
            column.format = column.format.take().or_else(|| format.clone());
        }
        Arc::new(options)
    }

    /// The options with the formats of all members of dates and times, however deep.
    fn json_of(&self, schema: &SchemaRef) -> Arc<JsonOptions> {
        let TableOptions { date_format, timestamp_format, .. } = &self.table;
        if date_format.is_none() && timestamp_format.is_none() {
            return Arc::clone(&self.json);
        }
        let mut options = self.json.as_ref().clone();
        for field in schema.fields() {
            each_leaf(field.name().clone(), field.data_type(), &mut |path, data_type| {
                let format = match data_type {
                    DataType::Date32 => date_format,
                    DataType::Timestamp(..) => timestamp_format,
                    _ => return,
                };
                if let Some(format) = format {
                    options.formats.entry(path).or_insert_with(|| format.clone());
                }
            });
        }
        Arc::new(options)
    }

    /// Whether a split's start may turn out to be inside a record: a newline in quotes is none.
    pub fn may_start_wrong(&self) -> bool {
        self.format == FileFormat::Csv && self.csv.quote.is_some()
    }

    /// Whether files can be read from anywhere.
    pub fn is_splittable(&self) -> bool {
        self.format == FileFormat::Csv || self.json.format == bobbin_parse::json::Format::Lines
    }

    /// How one file is compressed.
    pub fn compression(&self, url: &str) -> Compression {
        self.table.compression.unwrap_or_else(|| Compression::of(url))
    }
}

/// Options under construction.
struct Draft {
    format: FileFormat,
    csv: CsvOptions,
    json: JsonOptions,
    table: TableOptions,
}

impl FileFormat {
    /// The format that a file's name speaks of, compression aside; CSV where it says nothing.
    pub fn of(path: &str) -> FileFormat {
        let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
        let plain = [".gz", ".gzip", ".zst", ".zstd", ".bz2"].iter().find_map(|suffix| name.strip_suffix(suffix));
        let plain = plain.unwrap_or(&name);
        let is_json = [".json", ".jsonl", ".ndjson"].iter().any(|suffix| plain.ends_with(suffix));
        if is_json { FileFormat::Json } else { FileFormat::Csv }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            FileFormat::Csv => "CSV",
            FileFormat::Json => "JSON",
        }
    }
}

/// Visits the values at the ends of a type, by their paths: `a.b`, `list[]`, `map.*`.
fn each_leaf(path: String, data_type: &DataType, visit: &mut dyn FnMut(String, &DataType)) {
    match data_type {
        DataType::Struct(fields) => {
            for field in fields {
                each_leaf(format!("{path}.{}", field.name()), field.data_type(), visit);
            }
        }
        DataType::List(element) => each_leaf(format!("{path}[]"), element.data_type(), visit),
        DataType::Map(entries, _) => {
            if let DataType::Struct(pair) = entries.data_type()
                && let Some(value) = pair.get(1)
            {
                each_leaf(format!("{path}.*"), value.data_type(), visit);
            }
        }
        leaf => visit(path, leaf),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(format: FileFormat, options: &[(&str, OptionValue)]) -> Result<Reading, String> {
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Reading::new(format, options).map_err(|error| error.to_string())
    }

    #[test]
    fn names_speak_of_formats() {
        assert_eq!(FileFormat::of("hdfs:///a/2015-*.json.gz"), FileFormat::Json);
        assert_eq!(FileFormat::of("a.JSONL"), FileFormat::Json);
        assert_eq!(FileFormat::of("a.json/part-0"), FileFormat::Csv);
        assert_eq!(FileFormat::of("a.csv.gz"), FileFormat::Csv);
    }

    #[test]
    fn options_have_aliases_and_one_meaning() {
        let one = reading(FileFormat::Csv, &[("delim", ";".into())]).unwrap();
        let other = reading(FileFormat::Csv, &[("FORMAT.DELIMITER", ";".into())]).unwrap();
        assert_eq!((one.csv.separator, other.csv.separator), (b';', b';'));
        let twice = reading(FileFormat::Csv, &[("sep", ";".into()), ("delim", ";".into())]).unwrap_err();
        assert!(twice.contains("given twice"), "{twice}");
        let unknown = reading(FileFormat::Csv, &[("colour", "red".into())]).unwrap_err();
        assert!(unknown.contains("no option colour") && unknown.contains("header"), "{unknown}");
        let foreign = reading(FileFormat::Json, &[("quote", "'".into())]).unwrap_err();
        assert!(foreign.contains("CSV files"), "{foreign}");
        let unfit = reading(FileFormat::Csv, &[("header", "maybe".into())]).unwrap_err();
        assert!(unfit.contains("header is true or false"), "{unfit}");
        let both = reading(FileFormat::Csv, &[("sep", "\"".into())]).unwrap_err();
        assert!(both.contains("choose another separator"), "{both}");
    }
}
