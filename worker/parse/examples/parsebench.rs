//! CPU seconds per gigabyte of decoding a CSV file, next to arrow's own reader unless `--alone`:
//! `cargo run --release -p bobbin-parse --example parsebench -- FILE [--alone]`. The file is read once into memory
//! before. With the columns of `taxi`, a filter is measured too: `fare_amount > 0 AND payment_type <> 2`, in front of
//! four columns.

use std::hint::black_box;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::csv::ReaderBuilder;
use arrow::datatypes::{Float64Type, Int64Type, SchemaRef};
use arrow::error::ArrowError;
use bobbin_parse::csv::{BorderScanner, CsvDecoder, CsvOptions, infer};
use bobbin_parse::{Decoder, RowFilter, SplitRange, Wanted};

const BATCH_ROWS: usize = 8192;
const ROUNDS: usize = 5;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(path), flag) = (arguments.next().map(PathBuf::from), arguments.next()) else {
        eprintln!("usage: parsebench FILE [--alone]");
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
    print_table(&Bench { bytes, options: Arc::new(options), schema }, flag.is_some_and(|flag| flag == "--alone"));
    ExitCode::SUCCESS
}

/// A file in memory.
struct Bench {
    bytes: Vec<u8>,
    options: Arc<CsvOptions>,
    schema: SchemaRef,
}

fn print_table(bench: &Bench, is_alone: bool) {
    let gigabytes = bench.bytes.len() as f64 / 1e9;
    println!("CPU seconds per GB, best of {ROUNDS}, one thread, {gigabytes:.3} GB");
    println!("{:<10} {:>8} {:>8} {:>8}", "columns", "bobbin", "arrow", "ratio");
    for (name, projection) in projections(bench.schema.fields().len()) {
        let wanted = || Wanted::rows(Arc::clone(&bench.schema), &projection, BATCH_ROWS);
        let ours = best(|| bench.decode(wanted())) / gigabytes;
        if is_alone {
            println!("{name:<10} {ours:>8.3}");
            continue;
        }
        let theirs = best(|| bench.decode_by_arrow(&projection)) / gigabytes;
        println!("{name:<10} {ours:>8.3} {theirs:>8.3} {:>7.1}x", theirs / ours);
    }
    if Paying::fits(&bench.schema) {
        println!("{:<10} {:>8.3}", "4, filter", best(|| bench.decode(Paying::wanted(&bench.schema))) / gigabytes);
    }
    println!("{:<10} {:>8.3}", "state map", best(|| bench.map()) / gigabytes);
}

/// None, one, four and all columns; with the columns of the taxi queries where there are so many.
fn projections(columns: usize) -> Vec<(&'static str, Vec<usize>)> {
    let four: Vec<usize> = FOUR.into_iter().filter(|column| *column < columns).collect();
    vec![("0", Vec::new()), ("1", vec![3.min(columns - 1)]), ("4", four), ("all", (0..columns).collect())]
}

/// Pickup, payment type, fare and tip.
const FOUR: [usize; 4] = [1, 11, 12, 15];

/// Keeps trips that were paid for, and not in cash.
struct Paying;

impl Paying {
    fn fits(schema: &SchemaRef) -> bool {
        let is = |index: usize, name: &str| schema.fields().get(index).is_some_and(|field| field.name() == name);
        is(FOUR[1], "payment_type") && is(FOUR[2], "fare_amount")
    }

    fn wanted(schema: &SchemaRef) -> Wanted {
        Wanted { filter: Some(Box::new(Paying)), ..Wanted::rows(Arc::clone(schema), &FOUR, BATCH_ROWS) }
    }
}

impl RowFilter for Paying {
    fn columns(&self) -> &[usize] {
        &[1, 2]
    }

    fn keep(&mut self, columns: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let (payment, fare) = (columns.column(0).as_primitive::<Int64Type>(), columns.column(1));
        let fare = fare.as_primitive::<Float64Type>();
        let kept = payment.values().iter().zip(fare.values()).map(|(payment, fare)| *fare > 0.0 && *payment != 2);
        Ok(BooleanArray::new(BooleanBuffer::from_iter(kept), None))
    }
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

/// CPU time of this thread so far, as Linux counts it: up to date only when the thread has just yielded, else up to some
/// milliseconds old.
fn cpu_seconds() -> f64 {
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts the CPU time of threads");
    let nanos: u64 = text.split(' ').next().and_then(|first| first.parse().ok()).expect("the first number");
    nanos as f64 / 1e9
}

impl Bench {
    fn split(&self) -> SplitRange {
        SplitRange { start: 0, end: self.bytes.len() as u64, file_len: self.bytes.len() as u64 }
    }

    fn decode(&self, wanted: Wanted) -> usize {
        let mut decoder = CsvDecoder::new(Arc::clone(&self.options), wanted, self.split());
        let mut rows = 0;
        while let Some(wanted) = decoder.wants() {
            let fed = decoder.feed(wanted.start, &self.bytes[wanted.start as usize..wanted.end as usize]);
            fed.expect("a file whose sample could be read");
            while let Some(batch) = decoder.next_batch() {
                rows += black_box(batch).num_rows();
            }
        }
        rows
    }

    fn decode_by_arrow(&self, projection: &[usize]) -> usize {
        let builder = ReaderBuilder::new(Arc::clone(&self.schema)).with_header(true).with_batch_size(BATCH_ROWS);
        let bytes = self.bytes.as_slice();
        let reader = builder.with_projection(projection.to_vec()).build_buffered(bytes).expect("a reader of bytes");
        reader.map(|batch| black_box(batch.expect("a file whose sample could be read")).num_rows()).sum()
    }

    /// As if the file were the second half of a split file: all states are followed.
    fn map(&self) -> usize {
        let (start, end) = (1, self.bytes.len() as u64);
        let mut scanner = BorderScanner::new(&self.options, SplitRange { start, end, file_len: end });
        while let Some(wanted) = scanner.wants() {
            let fed = scanner.feed(wanted.start, &self.bytes[wanted.start as usize..wanted.end as usize]);
            fed.expect("the bytes that are wanted");
        }
        scanner.finish().map_or(0, |map| map.0.len())
    }
}
