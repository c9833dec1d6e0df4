//! CPU seconds per gigabyte of decoding a CSV file, next to arrow's own reader:
//! `cargo run --release -p bobbin-parse --example parsebench -- FILE`. The file is read once into memory before.

use std::hint::black_box;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use arrow::csv::ReaderBuilder;
use arrow::datatypes::SchemaRef;
use bobbin_parse::csv::{CsvDecoder, CsvOptions, infer};
use bobbin_parse::{Decoder, SplitRange, Wanted};

const BATCH_ROWS: usize = 8192;
const ROUNDS: usize = 5;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: parsebench FILE");
        return ExitCode::from(64);
    };
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            eprintln!("read {}: {error}", path.display());
            return ExitCode::from(66);
        }
    };
    let options = CsvOptions::default();
    let sample = &bytes[..bytes.len().min(1 << 20)];
    let schema = match infer(sample, sample.len() == bytes.len(), &options) {
        Ok(inferred) => inferred.schema,
        Err(error) => {
            eprintln!("infer the schema of {}: {error}", path.display());
            return ExitCode::from(66);
        }
    };
    print_table(&bytes, &Arc::new(options), &schema);
    ExitCode::SUCCESS
}

fn print_table(bytes: &[u8], options: &Arc<CsvOptions>, schema: &SchemaRef) {
    let columns = schema.fields().len();
    let gigabytes = bytes.len() as f64 / 1e9;
    println!("CPU seconds per GB, best of {ROUNDS}, one thread, {:.3} GB", gigabytes);
    println!("{:<10} {:>8} {:>8} {:>8}", "columns", "bobbin", "arrow", "ratio");
    for (name, projection) in projections(columns) {
        let ours = best(|| decode_ours(bytes, options, schema, &projection)) / gigabytes;
        let theirs = best(|| decode_theirs(bytes, schema, &projection)) / gigabytes;
        println!("{name:<10} {ours:>8.3} {theirs:>8.3} {:>7.1}x", theirs / ours);
    }
}

/// None, one, four and all columns; with the columns of the taxi queries where there are so many.
fn projections(columns: usize) -> Vec<(&'static str, Vec<usize>)> {
    let four: Vec<usize> = [1, 11, 12, 15].into_iter().filter(|column| *column < columns).collect();
    vec![("0", Vec::new()), ("1", vec![3.min(columns - 1)]), ("4", four), ("all", (0..columns).collect())]
}

/// Least CPU seconds of a run.
fn best(mut run: impl FnMut() -> usize) -> f64 {
    let seconds = (0..ROUNDS).map(|_| {
        let started = cpu_seconds();
        black_box(run());
        cpu_seconds() - started
    });
    seconds.fold(f64::INFINITY, f64::min)
}

/// CPU time of this thread so far, as Linux counts it.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts the CPU time of threads");
    let nanos: u64 = text.split(' ').next().and_then(|first| first.parse().ok()).expect("the first number");
    nanos as f64 / 1e9
}

fn decode_ours(bytes: &[u8], options: &Arc<CsvOptions>, schema: &SchemaRef, projection: &[usize]) -> usize {
    let split = SplitRange { start: 0, end: bytes.len() as u64, file_len: bytes.len() as u64 };
    let mut decoder =
        CsvDecoder::new(Arc::clone(options), Wanted::rows(Arc::clone(schema), projection, BATCH_ROWS), split);
    let mut rows = 0;
    while let Some(wanted) = decoder.wants() {
        let fed = decoder.feed(wanted.start, &bytes[wanted.start as usize..wanted.end as usize]);
        fed.expect("a file whose sample could be read");
        while let Some(batch) = decoder.next_batch() {
            rows += black_box(batch).num_rows();
        }
    }
    rows
}

fn decode_theirs(bytes: &[u8], schema: &SchemaRef, projection: &[usize]) -> usize {
    let builder = ReaderBuilder::new(Arc::clone(schema)).with_header(true).with_batch_size(BATCH_ROWS);
    let reader = builder.with_projection(projection.to_vec()).build_buffered(bytes).expect("a reader of bytes");
    reader.map(|batch| black_box(batch.expect("a file whose sample could be read")).num_rows()).sum()
}
