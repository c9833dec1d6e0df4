//! Programs that are driver and worker at once: what `#[bobbin::main]` makes of `main`.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::role;
use crate::session::describe;

/// Threads of a worker's runtime: links and transfers; tasks have threads of their own.
const WORKER_THREADS: usize = 2;

/// Runs the program, or the worker that it is to be: YARN starts the same executable in containers, with the one word
/// `worker`.
pub fn run<P, F>(program: P) -> ExitCode
where
    P: FnOnce() -> F,
    F: Future<Output = ExitCode>,
{
    let words: Vec<OsString> = std::env::args_os().collect();
    let is_worker = words.get(1).is_some_and(|word| word == "worker") && std::env::var_os("CONTAINER_ID").is_some();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if is_worker {
        builder.worker_threads(WORKER_THREADS);
    }
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let code = if is_worker {
        runtime.block_on(role::worker()).unwrap_or_else(|error| failed(error.as_ref()))
    } else {
        runtime.block_on(program())
    };
    // What still runs in the background has nobody to tell.
    runtime.shutdown_background();
    code
}

fn failed(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    eprintln!("error: {}", describe(error));
    ExitCode::from(70)
}

/// What a driver may end with.
pub trait Ending {
    /// Its exit code; an error is printed.
    fn code(self) -> ExitCode;
}

impl Ending for () {
    fn code(self) -> ExitCode {
        ExitCode::SUCCESS
    }
}

impl Ending for ExitCode {
    fn code(self) -> ExitCode {
        self
    }
}

impl<T: Ending, E: Into<Box<dyn std::error::Error>>> Ending for Result<T, E> {
    fn code(self) -> ExitCode {
        match self {
            Ok(ending) => ending.code(),
            Err(error) => {
                let error: Box<dyn std::error::Error> = error.into();
                eprintln!("error: {}", describe(error.as_ref()));
                ExitCode::FAILURE
            }
        }
    }
}
