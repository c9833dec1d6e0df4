//! CPU seconds per gigabyte of decoding event lines, next to arrow's own reader unless `--alone`:
//! `cargo run --release -p bobbin-parse --example jsonbench -- FILE [--alone]` (`generate events` of the integration
//! crate writes such a file). The file is read into memory before.

use std::fs;
use std::hint::black_box;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use bobbin_parse::json::{JsonDecoder, JsonOptions, Sample, infer, prune};
use bobbin_parse::{Decoder, RowFilter, SplitRange, Wanted};

const BATCH_ROWS: usize = 8192;
const ROUNDS: usize = 5;
/// Bytes of the head that the types of whole objects rest on.
const SAMPLE: usize = 4 << 20;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(path), flag) = (arguments.next().map(PathBuf::from), arguments.next()) else {
        eprintln!("usage: jsonbench FILE [--alone]");
        return ExitCode::from(64);
    };
    let is_alone = flag.is_some_and(|flag| flag == "--alone");
    let result = fs::read(&path).map_err(Failure::from).and_then(|bytes| print_table(&bytes, is_alone));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            ExitCode::from(66)
        }
    }
}

/// What is measured: a name, paths, whether only some repositories are kept.
const CASES: [(&str, &[&str], bool); 6] = [
    ("count(*)", &[], false),
    ("type", &["type"], false),
    ("type, actor.login, repo.name", &["type", "actor.login", "repo.name"], false),
    ("the same, repo.name LIKE 'jupyter/%'", &["type", "actor.login", "repo.name"], true),
    ("created_at", &["created_at"], false),
    ("payload.commits.sha", &["payload.commits.sha"], false),
];

fn print_table(bytes: &[u8], is_alone: bool) -> Result<(), Failure> {
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    let sample = Sample { bytes: sample, complete: sample.len() == bytes.len(), starts_record: true };
    let whole = infer(&[sample], &JsonOptions::default())?.schema;
    println!("{:>9} CPU-s/GB", "");
    for (name, paths, is_filtered) in CASES {
        let paths: Vec<Vec<&str>> = paths.iter().map(|path| path.split('.').collect()).collect();
        let schema = prune(&whole, &paths)?;
        measure(name, bytes, || decode(bytes, &schema, is_filtered, false))?;
    }
    measure("whole objects, types inferred", bytes, || decode(bytes, &whole, false, false))?;
    measure("type, strict", bytes, || decode(bytes, &prune(&whole, &[vec!["type"]])?, false, true))?;
    if !is_alone {
        measure("whole objects, arrow's reader", bytes, || arrow_reader(bytes, &whole))?;
    }
    Ok(())
}

/// Prints the least CPU time of some rounds, and how many rows there were.
fn measure(name: &str, bytes: &[u8], run: impl Fn() -> Result<usize, Failure>) -> Result<(), Failure> {
    let (mut best, mut rows) = (f64::INFINITY, 0);
    for _ in 0..ROUNDS {
        let before = cpu_seconds()?;
        rows = black_box(run()?);
        best = best.min(cpu_seconds()? - before);
    }
    println!("{:>9.3} {name} ({rows} rows)", best / bytes.len() as f64 * 1e9);
    Ok(())
}

fn decode(bytes: &[u8], schema: &SchemaRef, is_filtered: bool, strict: bool) -> Result<usize, Failure> {
    let len = bytes.len() as u64;
    let projection: Vec<usize> = (0..schema.fields().len()).collect();
    let mut wanted = Wanted::rows(Arc::clone(schema), &projection, BATCH_ROWS);
    if is_filtered {
        wanted.filter = Some(Box::new(Jupyter { columns: vec![2] }));
    }
    let options = JsonOptions { strict, ..JsonOptions::default() };
    let mut decoder = JsonDecoder::new(Arc::new(options), wanted, SplitRange { start: 0, end: len, file_len: len });
    let mut rows = 0;
    while let Some(range) = decoder.wants() {
        decoder.feed(range.start, &bytes[range.start as usize..range.end as usize])?;
        while let Some(batch) = decoder.next_batch() {
            rows += black_box(batch).num_rows();
        }
    }
    Ok(rows)
}

/// Keeps the repositories of one owner.
struct Jupyter {
    columns: Vec<usize>,
}

impl RowFilter for Jupyter {
    fn columns(&self) -> &[usize] {
        &self.columns
    }

    fn keep(&mut self, columns: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let names = columns.column(0).as_struct().column(0).as_string_view();
        Ok(names.iter().map(|name| name.map(|name| name.starts_with("jupyter/"))).collect())
    }
}

fn arrow_reader(bytes: &[u8], schema: &SchemaRef) -> Result<usize, Failure> {
    let reader = arrow::json::ReaderBuilder::new(Arc::clone(schema)).with_batch_size(BATCH_ROWS);
    let mut rows = 0;
    for batch in reader.build(io::Cursor::new(bytes))? {
        rows += black_box(batch?).num_rows();
    }
    Ok(rows)
}

/// CPU time of this thread so far, as Linux counts it: up to date only when the thread has just yielded, else up to some
/// milliseconds old.
fn cpu_seconds() -> Result<f64, Failure> {
    std::thread::yield_now();
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos: u64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanos as f64 / 1e9)
}
