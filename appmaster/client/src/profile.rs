//! Where the time of tasks goes, by their names: samples that workers take, and the names of the functions in them.

mod calls;
mod file;
mod shown;

use std::path::{Path, PathBuf};

use bobbin_task::profile::{IMAGE, MOST_A_SECOND, Order, Samples, Tree, USUAL_A_SECOND};

pub use self::calls::{Call, TaskProfile};
pub use self::file::ResolveError;
use self::file::{Functions, Program};
use crate::on_workers::{RunError, WorkerError};
use crate::session::Session;

/// What says in a process's environment that it is to take samples from its beginning on.
const VARIABLE: &str = "BOBBIN_PROFILE";

/// What the threads that run tasks were found at, on all workers together: for each task name a tree of functions.
///
/// Samples are of wall-clock time: a function that waits for a disk or a lock is found waiting there. What a task awaits holds no
/// thread, and is not in it; nor are threads that it has started itself. Actors' methods are in it under their names, and
/// calls in processes of their own as soon as they have ended (of those that were ended by force, nothing is). What workers
/// knew that have ended is gone with them.
///
/// Displayed, it is a table of functions for people, 80 columns wide or as wide as the format says (`{:60}`).
#[derive(Debug)]
pub struct Profile {
    tree: Tree,
    /// Of each of the tree's frames; none where they are not known.
    functions: Vec<Functions>,
    missing: Vec<(u32, String)>,
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// So many samples cannot be taken.
    #[error("take {0} samples a second: from 1 to {MOST_A_SECOND} are possible")]
    Rate(u32),
    /// Workers cannot be asked.
    #[error(transparent)]
    Run(#[from] RunError),
    /// One of them has said no.
    #[error("take samples of tasks")]
    Worker(#[from] WorkerError),
    /// Nobody has taken any.
    #[error(
        "no worker takes samples of tasks: start them with {VARIABLE}=1 in their environment (on a cluster \
         `--env-var {VARIABLE}=1`), or call Session::start_profiling"
    )]
    Off,
}

/// `BOBBIN_PROFILE` says nothing that can be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{VARIABLE} is {0:?}: write 1, or how many samples are to be taken a second, up to {MOST_A_SECOND}")]
pub struct NoRate(String);

/// Samples a second that the environment asks for; 0 for none.
pub(crate) fn rate_of_environment() -> Result<u32, NoRate> {
    rate(std::env::var(VARIABLE).unwrap_or_default())
}

fn rate(text: String) -> Result<u32, NoRate> {
    match text.parse() {
        _ if text.is_empty() => Ok(0),
        Ok(1) => Ok(USUAL_A_SECOND),
        Ok(rate) if rate <= MOST_A_SECOND => Ok(rate),
        Ok(_) | Err(_) => Err(NoRate(text)),
    }
}

/// Has the worker in this process take samples, if the environment asks for them.
///
/// # Errors
/// When that says something else, or this program cannot do it.
pub(crate) fn begin_as_environment_says() -> Result<(), BeginError> {
    let wanted = rate_of_environment()?;
    if wanted > 0 && bobbin_task::profile::rate() != wanted {
        bobbin_task::profile::control(Order::Start(wanted)).map_err(BeginError::Sampler)?;
    }
    Ok(())
}

/// Why a process takes no samples.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The environment asks for something else.
    #[error(transparent)]
    Rate(#[from] NoRate),
    /// It cannot.
    #[error("take samples of tasks, as {VARIABLE} says")]
    Sampler(#[source] std::io::Error),
}

/// What a worker does about samples.
#[bobbin_macros::task(crate = crate, name = "bobbin::profile", pure = false)]
fn sampler(order: Order) -> Result<Samples, std::io::Error> {
    bobbin_task::profile::control(order)
}

impl Session {
    /// Has every worker that is connected now take so many samples a second (100 are usual, 1000 the most) of the tasks that it
    /// runs, and forget those that it has. Workers that come later take some only if `BOBBIN_PROFILE` is in their environment.
    ///
    /// It costs a signal and the copy of a stack a thread and sample. System calls that a signal interrupts are called again
    /// by the kernel, but for those that never are (`sleep`, `poll`): Rust's library calls these again, as others should.
    ///
    /// # Errors
    /// When a worker cannot: its program's main is not marked with `#[bobbin::main]`, or something else in it handles SIGPROF.
    /// Others may have begun.
    pub async fn start_profiling(&self, samples_per_second: u32) -> Result<(), ProfileError> {
        if !(1..=MOST_A_SECOND).contains(&samples_per_second) {
            return Err(ProfileError::Rate(samples_per_second));
        }
        self.order(Order::Start(samples_per_second)).await
    }

    /// Workers take no samples any more. Those that they have stay.
    ///
    /// # Errors
    /// When a worker cannot be asked; others have stopped.
    pub async fn stop_profiling(&self) -> Result<(), ProfileError> {
        self.order(Order::Stop).await
    }

    /// What workers have found until now, since they began to take samples: by `BOBBIN_PROFILE` (1, or samples a second) or
    /// [`Session::start_profiling`]. Functions have names if this program is the build that the workers are, and has symbols; else
    /// [`Profile::resolve`] gives them names.
    ///
    /// # Errors
    /// When nobody has taken samples, or no worker can be asked.
    pub async fn profile(&self) -> Result<Profile, ProfileError> {
        // In local mode this process is the worker.
        bobbin_task::profile::enable();
        let mut profile = Profile { tree: Tree::default(), functions: Vec::new(), missing: Vec::new() };
        let mut last = None;
        for row in self.run_everywhere(sampler, (Order::Show,)).await? {
            match row.result {
                Ok(samples) => profile.tree.merge(&samples),
                Err(error) => {
                    profile.missing.push((row.worker, crate::session::describe(&error)));
                    last = Some(error);
                }
            }
        }
        let samples = profile.tree.samples();
        if !samples.is_running && samples.tasks.is_empty() {
            return Err(last.map_or(ProfileError::Off, ProfileError::Worker));
        }
        profile.functions = vec![Functions::default(); samples.frames.len()];
        profile.resolve_here();
        Ok(profile)
    }

    async fn order(&self, order: Order) -> Result<(), ProfileError> {
        bobbin_task::profile::enable();
        for row in self.run_everywhere(sampler, (order,)).await? {
            row.result?;
        }
        Ok(())
    }
}

impl Profile {
    /// The tasks, those with the most samples first.
    pub fn tasks(&self) -> Vec<TaskProfile> {
        calls::tasks(self.tree.samples(), &self.functions)
    }

    /// Workers that could not be asked, and why not.
    pub fn missing(&self) -> &[(u32, String)] {
        &self.missing
    }

    /// Gives functions their names, and lines where it has them, by an executable or a library: that of the workers before its
    /// symbols were stripped.
    ///
    /// # Errors
    /// When the file cannot be read, has no symbols, or is another build.
    pub fn resolve(&mut self, path: impl AsRef<Path>) -> Result<(), ResolveError> {
        let file = Program::open(path.as_ref())?;
        let samples = self.tree.samples();
        let is_meant = |number: u32| samples.modules[number as usize].identity == file.identity();
        if !samples.modules.iter().any(|module| module.identity == file.identity()) {
            let sampled = samples.modules.iter().filter(|module| module.is_program);
            let wanted: Vec<&str> = sampled.map(|module| module.identity.as_str()).collect();
            return Err(file.is_another_build(&wanted.join(", ")));
        }
        let frames = samples.frames.iter().zip(&mut self.functions).filter(|(frame, _)| is_meant(frame.module));
        file.name(frames.map(|(frame, functions)| (frame.address, functions)))
    }

    /// By the files of this machine: the program that runs here, and libraries that are the same ones.
    fn resolve_here(&mut self) {
        let libraries = self.tree.samples().modules.iter().filter(|module| !module.identity.is_empty());
        let paths: Vec<PathBuf> = libraries
            .map(|module| PathBuf::from(if module.is_program { IMAGE } else { &module.path }))
            .filter(|path| path.is_absolute())
            .collect();
        for path in paths {
            // Another build, or a stripped one: its functions are shown as addresses.
            if let Err(error) = self.resolve(&path) {
                tracing::debug!(error = crate::session::describe(&error), "find names of functions");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_how_often() {
        let of = |text: &str| rate(text.to_owned());
        assert_eq!((of(""), of("0"), of("1"), of("250")), (Ok(0), Ok(0), Ok(USUAL_A_SECOND), Ok(250)));
        let text = "BOBBIN_PROFILE is \"2000\": write 1, or how many samples are to be taken a second, up to 1000";
        assert_eq!(of("2000").unwrap_err().to_string(), text);
        assert!(of("yes").is_err() && of("-1").is_err());
    }
}
