//! Programs that are driver and worker at once: what `#[bobbin::main]` makes of `main`.

use std::error::Error;
use std::ffi::OsString;
use std::fmt::Display;
use std::process::ExitCode;

use crate::session::describe;
use crate::{machine, role};

/// Threads of a worker's runtime: links and transfers; tasks have threads of their own.
const WORKER_THREADS: usize = 2;

/// Runs the program, or the worker that it is to be: YARN starts the same executable in containers, with the one word
/// `worker`. Or a worker's child, which calls functions for tasks that have processes of their own. A session of this machine is
/// one of its processes, too (see [`machine`]).
pub fn run<P, F>(program: P) -> ExitCode
where
    P: FnOnce() -> F,
    F: Future<Output = Told>,
{
    let words: Vec<OsString> = std::env::args_os().collect();
    let is_worker = words.get(1).is_some_and(|word| word == "worker") && std::env::var_os("CONTAINER_ID").is_some();
    let is_session =
        words.get(1).is_some_and(|word| word == machine::ROLE) && std::env::var_os(machine::NAME).is_some();
    role::task_processes_start_with(&["task"]);
    role::can_profile_tasks();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if is_worker || is_session || bobbin_task::process::is_begun() {
        builder.worker_threads(WORKER_THREADS);
    }
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let code = runtime.block_on(async {
        match role::task_process().await {
            Some(code) => code,
            None if is_worker => role::worker().await.unwrap_or_else(|error| failed(error.as_ref())),
            None if is_session => machine::host().await.unwrap_or_else(|error| failed(error.as_ref())),
            None => program().await.unwrap_or_else(|error| {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }),
        }
    });
    // What still runs in the background has nobody to tell.
    runtime.shutdown_background();
    code
}

fn failed(error: &(dyn Error + 'static)) -> ExitCode {
    eprintln!("error: {}", describe(error));
    ExitCode::from(70)
}

/// What a driver may end well with.
pub trait Ending {
    /// Its exit code.
    fn code(&self) -> ExitCode;
}

impl Ending for () {
    fn code(&self) -> ExitCode {
        ExitCode::SUCCESS
    }
}

impl Ending for ExitCode {
    fn code(&self) -> ExitCode {
        *self
    }
}

/// What a driver has ended with. What is told of an error depends on its type: the macro calls `told` on a reference, and
/// finds its own causes of an error, or else how it is displayed.
pub struct Ended<R>(pub R);

/// An exit code, or the text of an error.
pub type Told = Result<ExitCode, String>;

impl Ended<()> {
    /// Success.
    pub fn told(&self) -> Told {
        Ok(ExitCode::SUCCESS)
    }
}

impl Ended<ExitCode> {
    /// As it is.
    pub fn told(&self) -> Told {
        Ok(self.0)
    }
}

macro_rules! boxed {
    ($($error:ty),*) => {$(
        impl<T: Ending> Ended<Result<T, $error>> {
            /// With all its causes.
            pub fn told(&self) -> Told {
                self.0.as_ref().map(Ending::code).map_err(|error| describe(error.as_ref()))
            }
        }
    )*};
}

boxed!(Box<dyn Error>, Box<dyn Error + Send>, Box<dyn Error + Send + Sync>);

/// Errors.
pub trait ToldByCauses {
    /// With all its causes.
    fn told(&self) -> Told;
}

impl<T: Ending, E: Error + 'static> ToldByCauses for Ended<Result<T, E>> {
    fn told(&self) -> Told {
        self.0.as_ref().map(Ending::code).map_err(|error| describe(error))
    }
}

/// Everything else that a program may return as an error.
pub trait ToldAsDisplayed {
    /// As it is displayed; with its causes, where its type shows them so.
    fn told(&self) -> Told;
}

impl<T: Ending, E: Display> ToldAsDisplayed for &Ended<Result<T, E>> {
    fn told(&self) -> Told {
        self.0.as_ref().map(Ending::code).map_err(|error| format!("{error:#}"))
    }
}
