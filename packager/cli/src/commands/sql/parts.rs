//! `--output` as a directory: rows that tasks write themselves.

use bobbin_engine::OptionValue;
use bobbin_engine::output::{OutputSpec, RowFormat};

use crate::args::{Format, SqlArgs, WriteMode};
use crate::exit::{Exit, Failure};
use crate::place::Place;

/// What tasks are to write; `None` where the driver writes the rows itself.
///
/// # Errors
/// The options contradict each other, or no worker can write there.
pub fn requested(args: &SqlArgs, place: Place) -> Result<Option<OutputSpec>, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let only_directories = !args.partition_by.is_empty() || args.mode != WriteMode::Error || args.single_file;
    let Some(path) = args.output.as_deref() else {
        if only_directories || args.compression.is_some() {
            return Err(usage("--mode, --partition-by, --compression and --single-file need --output".into()));
        }
        return Ok(None);
    };
    if !is_directory(path) {
        if only_directories || args.compression.is_some() {
            return Err(usage(format!(
                "--output {path} is one file, which the driver writes; for part files, with --mode, --partition-by, \
                 --compression or --single-file, name a directory: without a suffix, or with a slash at its end"
            )));
        }
        return Ok(None);
    }
    let is_local = !path.contains("://") && !path.starts_with("hdfs:/") || path.starts_with("file:");
    if matches!(place, Place::Cluster { .. }) && is_local {
        return Err(usage(format!(
            "--output {path}: workers on the cluster cannot write to this machine; name a directory on HDFS, or a file \
             with a suffix such as .csv, which this process writes"
        )));
    }
    let format = match args.format {
        None | Some(Format::Parquet) => RowFormat::Parquet,
        Some(Format::Csv) => RowFormat::Csv,
        Some(Format::Json) => RowFormat::Json,
        Some(Format::Arrow) => RowFormat::Arrow,
        Some(Format::Table) => {
            return Err(usage(format!("--output {path}: part files are csv, json, arrow or parquet; choose --format")));
        }
    };
    let mode = match args.mode {
        WriteMode::Error => "error",
        WriteMode::Overwrite => "overwrite",
        WriteMode::Append => "append",
    };
    let mut options: Vec<(String, OptionValue)> =
        vec![("mode".into(), mode.into()), ("single_file".into(), args.single_file.into())];
    options.extend(args.compression.iter().map(|name| ("compression".into(), name.as_str().into())));
    let spec = OutputSpec::new(path, format, args.partition_by.clone(), &options);
    spec.map(Some).map_err(|reason| usage(format!("--output {path}: {reason}")))
}

/// A name without a suffix, or with a slash at its end.
fn is_directory(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.is_empty() || !name.trim_start_matches('.').contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_make_files() {
        for (path, expected) in [
            ("out", true),
            ("hdfs:///r/2026-11", true),
            ("out.csv", false),
            ("a.b/", true),
            ("a.b/c", true),
            (".x", true),
        ] {
            assert_eq!(is_directory(path), expected, "{path}");
        }
    }
}
