//! Writes generated data: `generate taxi|events --bytes N --out FILE`, `generate tpch --scale S --out DIRECTORY`.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use integration::data::{events, taxi, tpch};

/// Writes generated data; the same arguments give the same bytes everywhere
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Trips of New York's yellow cabs, as CSV
    Taxi(Lines),
    /// Events of a site for source code, as JSON lines
    Events(Lines),
    /// The eight tables of TPC-H, as CSV
    Tpch {
        /// 1 is about a gigabyte
        #[arg(long, default_value_t = 0.01)]
        scale: f64,
        /// Directory to write the tables to
        #[arg(long)]
        out: PathBuf,
    },
}

#[derive(Debug, Args)]
struct Lines {
    /// Lines are written while there are fewer bytes than this
    #[arg(long)]
    bytes: u64,
    /// Another seed gives other rows
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// File to write to
    #[arg(long)]
    out: PathBuf,
}

fn main() -> ExitCode {
    let Arguments { what } = Arguments::parse();
    let (path, done) = match &what {
        What::Taxi(lines) => (&lines.out, create(lines).and_then(|mut out| trips(&mut out, lines))),
        What::Events(lines) => (&lines.out, create(lines).and_then(|mut out| all_events(&mut out, lines))),
        What::Tpch { scale, out } => (out, tpch::write(out, *scale).map(|()| format!("8 tables at scale {scale}"))),
    };
    match done {
        Ok(said) => {
            println!("{}: {said}", path.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("write {}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}

fn create(lines: &Lines) -> io::Result<BufWriter<File>> {
    Ok(BufWriter::with_capacity(1 << 20, File::create(&lines.out)?))
}

fn trips(out: &mut BufWriter<File>, lines: &Lines) -> io::Result<String> {
    let tally = taxi::write(out, lines.bytes, lines.seed)?;
    Ok(format!("{} bytes, {} rows", tally.bytes, tally.rows))
}

fn all_events(out: &mut BufWriter<File>, lines: &Lines) -> io::Result<String> {
    let tally = events::write(out, lines.bytes, lines.seed)?;
    Ok(format!("{} bytes, {} lines", tally.bytes, tally.lines))
}
