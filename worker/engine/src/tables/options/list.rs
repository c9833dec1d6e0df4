//! Every option of reading: its names (ours first, then what other tools call it), what it does, how it is set.

use bobbin_blocks::compression::Compression;
use bobbin_parse::OnBad;
use bobbin_parse::csv::Encoding;
use bobbin_parse::json::Format as JsonFormat;

use super::{Draft, FileFormat, OptionError};
use crate::tables::value::{OptionValue, Unfit};

/// One option.
struct Setting {
    names: &'static [&'static str],
    /// The only format that has it.
    only: Option<FileFormat>,
    set: fn(&mut Draft, &OptionValue) -> Result<(), Unfit>,
}

const CSV: Option<FileFormat> = Some(FileFormat::Csv);
const JSON: Option<FileFormat> = Some(FileFormat::Json);

macro_rules! settings {
    ($($only:expr, [$($name:literal),+], |$draft:ident, $value:ident| $set:expr;)+) => {
        &[$(Setting {
            names: &[$($name),+],
            only: $only,
            set: |$draft, $value| { $set; Ok(()) },
        }),+]
    };
}

const SETTINGS: &[Setting] = settings! {
    // What a table is made of.
    None, ["compression"], |draft, value| draft.table.compression = compression(value)?;
    None, ["types", "dtype", "dtypes", "schema_overrides"], |draft, value| draft.table.types = Some(value.clone());
    None, ["columns", "schema"], |draft, value| draft.table.columns = Some(value.clone());
    None, ["hive_partitioning"], |draft, value| draft.table.hive_partitioning = Some(value.boolean()?);
    None, ["hive_types"], |draft, value| draft.table.hive_types = Some(value.clone());
    None, ["union_by_name"], |draft, value| draft.table.union_by_name = value.boolean()?;
    None, ["filename", "include_path_column", "include_file_paths"],
        |draft, value| draft.table.filename = column(value, "filename")?;
    None, ["file_offset"], |draft, value| draft.table.file_offset = column(value, "file_offset")?;
    None, ["file_row_number"], |draft, value| draft.table.file_row_number = column(value, "file_row_number")?;
    None, ["nrows", "n_rows"], |draft, value| draft.table.nrows = Some(value.count()?);
    None, ["sample_bytes", "sample"], |draft, value| draft.table.sample_bytes = Some(value.count()?.max(1));
    None, ["max_bad", "rejects_limit"], |draft, value| draft.table.max_bad = Some(value.count()?);
    None, ["on_bad", "on_bad_lines"], |draft, value| on_bad(draft, value)?;
    None, ["ignore_errors"], |draft, value| ignore_errors(draft, value)?;
    None, ["max_record_bytes", "max_line_size", "maximum_object_size"], |draft, value| record_limit(draft, value)?;
    None, ["encoding"], |draft, value| encoding(draft, value)?;
    None, ["dateformat", "date_format"], |draft, value| date_format(draft, value)?;
    None, ["timestampformat", "timestamp_format"], |draft, value| timestamp_format(draft, value)?;
    None, ["formats", "date_formats"], |draft, value| column_formats(draft, value)?;
    // How CSV is written.
    CSV, ["header", "has_header"], |draft, value| draft.csv.header = value.boolean()?;
    CSV, ["names", "new_columns"], |draft, value| draft.csv.names = Some(value.texts()?);
    CSV, ["sep", "delim", "separator", "delimiter"], |draft, value| draft.csv.separator = value.byte()?;
    CSV, ["quote", "quotechar", "quote_char"], |draft, value| draft.csv.quote = value.optional_byte()?;
    CSV, ["escape", "escapechar"], |draft, value| draft.csv.escape = value.optional_byte()?;
    CSV, ["comment", "comment_prefix"], |draft, value| draft.csv.comment = prefix(value)?;
    CSV, ["skip", "skiprows", "skip_rows"], |draft, value| draft.csv.skip_rows = size(value)?;
    CSV, ["skip_after_header", "skip_rows_after_header"],
        |draft, value| draft.csv.skip_rows_after_header = size(value)?;
    CSV, ["nullstr", "null", "na_values", "null_values", "nullvalue"], |draft, value| nulls(draft, value)?;
    CSV, ["true_values"], |draft, value| draft.csv.true_values = value.texts()?;
    CSV, ["false_values"], |draft, value| draft.csv.false_values = value.texts()?;
    CSV, ["skip_initial_space", "skipinitialspace"], |draft, value| draft.csv.skip_initial_space = value.boolean()?;
    CSV, ["allow_short_rows", "null_padding"], |draft, value| draft.csv.allow_short_rows = value.boolean()?;
    CSV, ["allow_trailing_sep"], |draft, value| draft.csv.allow_trailing_sep = value.boolean()?;
    CSV, ["decimal", "decimal_separator"], |draft, value| draft.csv.decimal_separator = value.byte()?;
    CSV, ["thousands"], |draft, value| draft.csv.thousands = value.optional_byte()?;
    // How JSON is written.
    JSON, ["format", "lines"], |draft, value| draft.json.format = layout(value)?;
    JSON, ["strict"], |draft, value| draft.json.strict = value.boolean()?;
    JSON, ["coerce_strings"], |draft, value| draft.json.coerce_strings = value.boolean()?;
    JSON, ["allow_nan"], |draft, value| draft.json.allow_nan = value.boolean()?;
    JSON, ["max_depth", "maximum_depth"], |draft, value| draft.json.max_depth = size(value)?;
};

/// Sets one option; returns the name that we give it.
pub(super) fn set(
    draft: &mut Draft,
    format: FileFormat,
    name: &str,
    value: &OptionValue,
) -> Result<&'static str, OptionError> {
    let lower = name.to_lowercase();
    let plain = lower.strip_prefix("format.").unwrap_or(&lower);
    let setting = SETTINGS.iter().find(|setting| setting.names.contains(&plain));
    let Some(setting) = setting else {
        return Err(OptionError::Unknown { name: name.to_owned(), known: option_names(format) });
    };
    if let Some(only) = setting.only.filter(|only| *only != format) {
        return Err(OptionError::OtherFormat { name: name.to_owned(), format: only.name() });
    }
    let set = (setting.set)(draft, value);
    set.map_err(|Unfit(takes)| OptionError::Unfit { name: name.to_owned(), takes })?;
    Ok(setting.names[0])
}

/// The names of all options of a format, for messages.
pub(crate) fn option_names(format: FileFormat) -> String {
    let fits = |setting: &&Setting| setting.only.is_none_or(|only| only == format);
    let names: Vec<&str> = SETTINGS.iter().filter(fits).map(|setting| setting.names[0]).collect();
    names.join(", ")
}

fn compression(value: &OptionValue) -> Result<Option<Compression>, Unfit> {
    Ok(match value.text()?.to_lowercase().as_str() {
        "auto" | "infer" | "auto_detect" => None,
        "none" | "uncompressed" => Some(Compression::None),
        "gzip" | "gz" => Some(Compression::Gzip),
        "zstd" | "zst" => Some(Compression::Zstd),
        "bz2" | "bzip2" => Some(Compression::Bzip2),
        other => return Err(Unfit(format!("is auto, none, gzip, zstd or bz2, not {other}"))),
    })
}

/// A further column: true for its usual name, a text for another, false for none.
fn column(value: &OptionValue, usual: &str) -> Result<Option<String>, Unfit> {
    match value.boolean() {
        Ok(wanted) => Ok(wanted.then(|| usual.to_owned())),
        Err(_) => value.text().map(|name| Some(name.to_owned())),
    }
}

fn on_bad(draft: &mut Draft, value: &OptionValue) -> Result<(), Unfit> {
    let policy = match value.text()?.to_lowercase().as_str() {
        "fail" | "error" => OnBad::Fail,
        "skip" | "warn" => OnBad::Skip,
        "null" => OnBad::Null,
        other => return Err(Unfit(format!("is fail, skip or null, not {other}"))),
    };
    (draft.csv.on_bad, draft.json.on_bad) = (policy, policy);
    Ok(())
}

fn ignore_errors(draft: &mut Draft, value: &OptionValue) -> Result<(), Unfit> {
    if value.boolean()? {
        (draft.csv.on_bad, draft.json.on_bad) = (OnBad::Skip, OnBad::Skip);
    }
    Ok(())
}

fn size(value: &OptionValue) -> Result<usize, Unfit> {
    usize::try_from(value.count()?).map_err(|_| Unfit("is too large".into()))
}

fn record_limit(draft: &mut Draft, value: &OptionValue) -> Result<(), Unfit> {
    let limit = size(value)?;
    (draft.csv.max_record_bytes, draft.json.max_record_bytes) = (limit, limit);
    Ok(())
}

fn encoding(draft: &mut Draft, value: &OptionValue) -> Result<(), Unfit> {
    let name = value.text()?.to_lowercase().replace('_', "-");
    let encoding = match name.as_str() {
        "utf-8" | "utf8" => Encoding::Utf8,
        "utf-8-lossy" | "utf8-lossy" => Encoding::Utf8Lossy,
        "latin-1" | "latin1" | "iso-8859-1" => Encoding::Latin1,
        "cp1252" | "windows-1252" => Encoding::Cp1252,
        other => return Err(Unfit(format!("is utf-8, utf-8-lossy, latin-1 or cp1252, not {other}"))),
    };
    if draft.format == FileFormat::Json && !matches!(encoding, Encoding::Utf8 | Encoding::Utf8Lossy) {
        return Err(Unfit(format!("of JSON is utf-8 or utf-8-lossy, not {name}; convert the file")));
    }
    draft.json.lossy = encoding == Encoding::Utf8Lossy;
    draft.csv.encoding = encoding;
    Ok(())
}

fn date_format(draft: &mut Draft, value: &OptionValue) -> Result<(), Unfit> {
    draft.table.date_format = Some(value.text()?.to_owned());
    Ok(())
}

fn timestamp_format(draft: &mut Draft, value: &OptionValue) -> Result<(), Unfit> {
    draft.table.timestamp_format = Some(value.text()?.to_owned());
    Ok(())
}

fn column_formats(draft: &mut Draft, value: &OptionValue) -> Result<(), Unfit> {
    for (column, format) in value.map()? {
        let format = format.text()?.to_owned();
        draft.csv.columns.entry(column.clone()).or_default().format = Some(format.clone());
        draft.json.formats.insert(column, format);
    }
    Ok(())
}

fn prefix(value: &OptionValue) -> Result<Option<String>, Unfit> {
    let prefix = value.text()?;
    Ok((!prefix.is_empty()).then(|| prefix.to_owned()))
}

/// Texts for all columns, those that pandas takes for missing, or texts by column.
fn nulls(draft: &mut Draft, value: &OptionValue) -> Result<(), Unfit> {
    if let Ok(columns) = value.map() {
        for (column, tokens) in columns {
            draft.csv.columns.entry(column).or_default().null_tokens = tokens.texts()?;
        }
        return Ok(());
    }
    let tokens = value.texts()?;
    draft.csv.null_tokens = match tokens.as_slice() {
        [preset] if preset == "pandas" => bobbin_parse::csv::pandas_null_tokens(),
        _ => tokens,
    };
    Ok(())
}

fn layout(value: &OptionValue) -> Result<JsonFormat, Unfit> {
    if let Ok(lines) = value.boolean() {
        return Ok(if lines { JsonFormat::Lines } else { JsonFormat::Array });
    }
    match value.text()?.to_lowercase().as_str() {
        "lines" | "newline_delimited" | "nd" | "ndjson" => Ok(JsonFormat::Lines),
        "array" | "multiline" => Ok(JsonFormat::Array),
        other => Err(Unfit(format!("is lines or array, not {other}"))),
    }
}
