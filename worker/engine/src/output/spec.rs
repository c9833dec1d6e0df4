//! What to write, and how: the words of `COPY … TO` and of the command line.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use bobbin_blocks::output::{OutputMode, Part};

use crate::tables::OptionValue;

/// The format of a file of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum RowFormat {
    /// Comma-separated values with a header.
    Csv = 0,
    /// One JSON object a line.
    Json = 1,
    /// An Arrow IPC stream.
    Arrow = 2,
    /// Parquet.
    Parquet = 3,
}

/// How a file of rows is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum OutputCompression {
    /// Not at all.
    None = 0,
    /// gzip; CSV, JSON.
    Gzip = 1,
    /// Zstandard; CSV, JSON, Parquet.
    Zstd = 2,
    /// Snappy; Parquet.
    Snappy = 3,
}

/// A directory of part files, or one file, that tasks write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputSpec {
    /// The directory.
    pub url: String,
    /// The files' format.
    pub format: RowFormat,
    /// How the files are compressed.
    pub compression: OutputCompression,
    /// What to do with what is there.
    pub mode: OutputMode,
    /// Columns that become directories `column=value`, outermost first.
    pub partition_by: Vec<String>,
    /// One task writes all rows.
    pub single_file: bool,
}

impl OutputSpec {
    /// Parquet or whatever `format` says, a new directory.
    ///
    /// # Errors
    /// An option that nobody knows, or that does not fit the others: what is wrong with it.
    pub fn new(
        url: &str,
        format: RowFormat,
        partition_by: Vec<String>,
        options: &[(String, OptionValue)],
    ) -> Result<Self, String> {
        let compression =
            if format == RowFormat::Parquet { OutputCompression::Snappy } else { OutputCompression::None };
        let mut spec = OutputSpec {
            url: url.to_owned(),
            format,
            compression,
            mode: OutputMode::Error,
            partition_by,
            single_file: false,
        };
        for (name, value) in options {
            spec.set(name, value)?;
        }
        spec.check()?;
        Ok(spec)
    }

    fn set(&mut self, name: &str, value: &OptionValue) -> Result<(), String> {
        let name = name.to_lowercase();
        let plain = name.strip_prefix("format.").unwrap_or(&name);
        let text = || value.text().map_err(|unfit| format!("{name} {}", unfit.0));
        match plain {
            "mode" => self.mode = mode(text()?)?,
            "compression" => self.compression = compression(text()?)?,
            "single_file" | "single_file_output" => {
                self.single_file = value.boolean().map_err(|unfit| format!("{name} {}", unfit.0))?;
            }
            _ => return Err(format!("there is no option {name}; there are mode, compression, single_file")),
        }
        Ok(())
    }

    /// Whether its parts fit together.
    fn check(&self) -> Result<(), String> {
        use OutputCompression as C;
        let fits = match self.format {
            RowFormat::Csv | RowFormat::Json => self.compression != C::Snappy,
            RowFormat::Arrow => self.compression == C::None,
            RowFormat::Parquet => self.compression != C::Gzip,
        };
        if fits {
            return Ok(());
        }
        Err(format!(
            "{} files are not written with {:?} compression; CSV and JSON take gzip and zstd, Parquet snappy and zstd",
            self.format.name(),
            self.compression
        ))
    }

    /// The extension of the files' names.
    pub fn extension(&self) -> &'static str {
        match (self.format, self.compression) {
            (RowFormat::Csv, OutputCompression::Gzip) => "csv.gz",
            (RowFormat::Csv, OutputCompression::Zstd) => "csv.zst",
            (RowFormat::Csv, _) => "csv",
            (RowFormat::Json, OutputCompression::Gzip) => "jsonl.gz",
            (RowFormat::Json, OutputCompression::Zstd) => "jsonl.zst",
            (RowFormat::Json, _) => "jsonl",
            (RowFormat::Arrow, _) => "arrows",
            (RowFormat::Parquet, _) => "parquet",
        }
    }
}

impl RowFormat {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            RowFormat::Csv => "CSV",
            RowFormat::Json => "JSON",
            RowFormat::Arrow => "Arrow",
            RowFormat::Parquet => "Parquet",
        }
    }

    /// The format of this name, in any case.
    pub fn named(name: &str) -> Option<RowFormat> {
        Some(match name.to_lowercase().as_str() {
            "csv" => RowFormat::Csv,
            "json" | "jsonl" | "ndjson" => RowFormat::Json,
            "arrow" | "ipc" => RowFormat::Arrow,
            "parquet" => RowFormat::Parquet,
            _ => return None,
        })
    }
}

impl RowFormat {
    /// Refuses columns that the format cannot tell apart: an object has one member of a name, and readers of Parquet find
    /// columns by their names.
    ///
    /// # Errors
    /// The first name that is there twice, and what to do.
    pub fn check_names<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
        match self {
            RowFormat::Csv | RowFormat::Arrow => return Ok(()),
            RowFormat::Json | RowFormat::Parquet => {}
        }
        let mut seen = BTreeSet::new();
        match names.into_iter().find(|name| !seen.insert(*name)) {
            Some(name) => Err(format!(
                "the column {name} is there twice, and {} needs names that differ; give one another name, with AS",
                self.name()
            )),
            None => Ok(()),
        }
    }
}

/// The mode of this name.
pub(crate) fn mode(name: &str) -> Result<OutputMode, String> {
    Ok(match name.to_lowercase().as_str() {
        "error" | "errorifexists" => OutputMode::Error,
        "overwrite" => OutputMode::Overwrite,
        "append" => OutputMode::Append,
        other => return Err(format!("mode is error, overwrite or append, not {other}")),
    })
}

fn compression(name: &str) -> Result<OutputCompression, String> {
    Ok(match name.to_lowercase().as_str() {
        "none" | "uncompressed" => OutputCompression::None,
        "gzip" | "gz" => OutputCompression::Gzip,
        "zstd" | "zst" => OutputCompression::Zstd,
        "snappy" => OutputCompression::Snappy,
        other => return Err(format!("compression is none, gzip, zstd or snappy, not {other}")),
    })
}

/// The parts that tasks have written, from the rows that they give instead of the query's.
pub fn parts_of(batches: &[RecordBatch]) -> Vec<Part> {
    let mut parts = Vec::new();
    for batch in batches.iter().filter(|batch| batch.num_columns() == 4) {
        let (paths, temporaries) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        let (bytes, rows) =
            (batch.column(2).as_primitive::<UInt64Type>(), batch.column(3).as_primitive::<UInt64Type>());
        for row in 0..paths.len() {
            parts.push(Part {
                path: paths.value(row).to_owned(),
                temporary: temporaries.value(row).to_owned(),
                bytes: bytes.value(row),
                rows: rows.value(row),
            });
        }
    }
    parts
}
