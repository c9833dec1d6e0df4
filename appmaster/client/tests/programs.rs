//! What `#[bobbin::main]` makes of a program's end: its exit code, and what it says of an error.
//!
//! This executable is each of the programs, so it has no harness that would end in its own way.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::error::Error;
use std::fmt;
use std::process::{Command, ExitCode};

/// Set to the name of the program that this executable is to be.
const PROGRAM: &str = "BOBBIN_TEST_PROGRAM";

/// An error with a cause.
#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("read the number")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// As errors of other libraries are, which are none of the standard library's: it shows its causes if it is asked to.
struct Report(Outer);

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match formatter.alternate() {
            true => write!(formatter, "{}: {}", self.0, self.0.0),
            false => write!(formatter, "{}", self.0),
        }
    }
}

impl From<Outer> for Report {
    fn from(error: Outer) -> Report {
        Report(error)
    }
}

fn number() -> Result<u32, Outer> {
    "seven".parse().map_err(Outer)
}

macro_rules! programs {
    ($($name:ident: $output:ty = $body:expr;)*) => {
        $(mod $name {
            use super::*;

            #[bobbin::main]
            async fn main() -> $output {
                $body
            }

            pub fn run() -> ExitCode {
                main()
            }
        })*

        /// The program of this name.
        fn run(name: &str) -> ExitCode {
            match name {
                $(stringify!($name) => $name::run(),)*
                _ => panic!("there is no program {name}"),
            }
        }
    };
}

programs! {
    nothing: () = ();
    code: ExitCode = ExitCode::from(7);
    well: Result<(), Box<dyn Error + Send + Sync>> = Ok(());
    code_in_result: Result<ExitCode, String> = Ok(ExitCode::from(9));
    boxed: Result<(), Box<dyn Error>> = { number()?; Ok(()) };
    boxed_for_threads: Result<(), Box<dyn Error + Send + Sync>> = { number()?; Ok(()) };
    of_its_own: Result<ExitCode, Outer> = { number()?; Ok(ExitCode::SUCCESS) };
    report: Result<(), Report> = { number()?; Ok(()) };
    text: Result<(), &'static str> = Err("no number");
}

fn main() -> ExitCode {
    match std::env::var(PROGRAM) {
        Ok(name) => run(&name),
        Err(_) => {
            programs_end_with_a_code_and_the_causes_of_an_error();
            println!("programs end with a code and the causes of an error: ok");
            ExitCode::SUCCESS
        }
    }
}

fn programs_end_with_a_code_and_the_causes_of_an_error() {
    let error = "error: read the number: invalid digit found in string";
    let expected = [
        ("nothing", 0, ""),
        ("code", 7, ""),
        ("well", 0, ""),
        ("code_in_result", 9, ""),
        ("boxed", 1, error),
        ("boxed_for_threads", 1, error),
        ("of_its_own", 1, error),
        ("report", 1, error),
        ("text", 1, "error: no number"),
    ];
    for (program, code, said) in expected {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let ended = command.env(PROGRAM, program).output().unwrap();
        let errors = String::from_utf8(ended.stderr).unwrap();
        assert_eq!((ended.status.code(), errors.trim()), (Some(code), said), "{program}");
    }
}
