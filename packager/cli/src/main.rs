//! `yarn-submit`: the command line, and every role of bobbin's one executable.
//!
//! ```text
//! words, BOBBIN_*, config.toml -- args --> plain fields -- request --> a valid request -- commands --> exit code
//! ```

mod archives;
mod args;
mod background;
mod bar;
mod cluster;
mod commands;
mod exit;
mod interrupt;
mod listing;
mod log;
mod output;
mod place;
mod progress;
mod request;
mod roles;
mod statistics;
mod terminal;
mod units;

use std::ffi::OsString;
use std::process::ExitCode;

use args::{Command, LayerError, Surroundings};
use exit::{Exit, Failure};

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = roles::run(&words) {
        return code;
    }
    let surroundings = Surroundings { variables: variables() };
    let cli = match args::parse(&words, &surroundings) {
        Ok(cli) => cli,
        Err(error) => return refuse(error),
    };
    match run(cli.command) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) => {
            eprintln!("yarn-submit: {failure}");
            ExitCode::from(failure.exit().code())
        }
    }
}

fn run(command: Command) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::of(Exit::Internal, &error))?;
    let outcome = runtime.block_on(commands::run(command));
    // What still runs in the background has nobody to tell.
    runtime.shutdown_background();
    outcome
}

/// Help and version are no errors; everything else about the command line is a wrong usage.
fn refuse(error: LayerError) -> ExitCode {
    let exit = match &error {
        LayerError::Usage(error) if !error.use_stderr() => Exit::Code(0),
        LayerError::Read { .. } => Exit::Input,
        LayerError::Usage(_) | LayerError::Syntax { .. } | LayerError::UnknownKey { .. } | LayerError::Value { .. } => {
            Exit::Usage
        }
    };
    if let LayerError::Usage(error) = &error {
        // A closed terminal has nobody to tell.
        let _ = error.print();
    } else {
        eprintln!("yarn-submit: {}", exit::chain(&error));
    }
    ExitCode::from(exit.code())
}

/// The variables that are text.
fn variables() -> std::collections::BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
