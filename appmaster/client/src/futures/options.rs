//! How a task is to be run.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bobbin_proto as wire;

/// How a task is to be run, where that is not what its function says.
#[derive(Clone, Debug, Default)]
pub struct TaskOptions {
    /// What to call its task set in messages and on pages; the function's name if nothing is said.
    pub name: Option<Arc<str>>,
    /// Hosts where it should rather run, best first; elsewhere if these are busy for too long. Else where its block is.
    pub hosts: Vec<String>,
    /// The only hosts where it may run; none for all. If no worker can come there, the task fails after a while.
    pub only_on: Vec<String>,
    /// Whether equal calls have one result; what the function says if nothing is said.
    pub pure: Option<bool>,
    /// Higher goes first; usual tasks have 0.
    pub priority: i32,
    /// So many failures are forgiven it: errors, panics, and that it took too long. Lost workers are not its failures.
    pub retries: u32,
    /// How long an attempt may take, waiting for tasks of its own included; for ever if nothing is said. One that computes without asking [`crate::checkpoint`]
    /// has failed all the same, but goes on to use its core, unless it has a process of its own.
    pub time_limit: Option<Duration>,
    /// Whether it may be tried on a second host, too, when it takes much longer than others of its set: the first attempt to end
    /// counts. By default if it is pure.
    pub speculation: Option<bool>,
    /// Where it runs; in a thread of its worker if nothing is said.
    pub isolation: Isolation,
    /// Bytes of memory that its own process may have for itself: its heap and stacks, neither the program nor mapped files. With more
    /// it is ended, and the task has failed. A thread's share of its worker's memory if nothing is said: two thirds of what the
    /// container has beyond 256 MiB (in local mode, of what local mode may use), divided by the threads. Looked at every 10 ms.
    pub memory: Option<u64>,
    /// What it takes of its worker while it runs, to three decimal places: `("GPU", 1.0)`. What each worker has, is said
    /// with `--worker-resources`.
    pub resources: Vec<(String, f64)>,
    /// How long one takes, as far as you know. Until some have ended it decides how many tasks a worker is sent ahead, how many workers
    /// `--workers 2..50` is worth, and when a task is tried on a second host; what is seen counts from then on. From a microsecond to
    /// a year, else the task fails; nothing is known if nothing is said.
    pub expected_time: Option<Duration>,
    /// Bytes of one's result, as far as you know: `--workers 2..50` has so many workers that half of their memory can keep the results.
    /// From 1 to 2^50, else the task fails; nothing is known if nothing is said.
    pub expected_size: Option<u64>,
}

/// Where a task's function runs.
///
/// In a process of its own it can do no harm to its worker and to other tasks, whatever it does: it may abort, call `exit`, overwrite
/// memory, or take memory without end. Its process is ended at once when the task is cancelled or has taken too long, and its core is
/// free. The function finds none of the program's static values as `main` has made them, its standard input is empty, and
/// [`crate::is_cancelled`] is never true. What it costs is in the example `futures_cost`.
///
/// A task in a thread whose worker dies is tried again in a process of its own, on a cluster: if it was to blame, it fails alone.
///
/// In local mode, a function with a process of its own cannot submit tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// As the environment of the program that submits it says: `BOBBIN_ISOLATION` is `thread` or `process`. Else as was said for the
    /// session (`yarn-submit session start --isolation`); else in a thread.
    #[default]
    Usual,
    /// In a thread of its worker.
    Thread,
    /// In a process of its own: a child of its worker, which does one task after the other.
    Process,
}

/// `BOBBIN_ISOLATION` says nothing that there is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("BOBBIN_ISOLATION is {0:?}: write thread or process")]
pub struct NoIsolation(String);

impl Isolation {
    /// What the environment says of tasks for which a program says nothing.
    ///
    /// # Errors
    /// When it says something else.
    pub(crate) fn of_environment() -> Result<Isolation, NoIsolation> {
        Isolation::named(std::env::var("BOBBIN_ISOLATION").unwrap_or_default())
    }

    fn named(text: String) -> Result<Isolation, NoIsolation> {
        match text.as_str() {
            "" => Ok(Isolation::Usual),
            "thread" => Ok(Isolation::Thread),
            "process" => Ok(Isolation::Process),
            _ => Err(NoIsolation(text)),
        }
    }

    /// Where workers of this process run functions whose callers say nothing.
    ///
    /// # Errors
    /// When the environment says something else than there is.
    pub(crate) fn of_workers() -> Result<bobbin_task::Isolation, NoIsolation> {
        Ok(match Isolation::of_environment()? {
            Isolation::Usual | Isolation::Thread => bobbin_task::Isolation::Thread,
            Isolation::Process => bobbin_task::Isolation::Process,
        })
    }

    fn on_the_wire(self) -> wire::Isolation {
        static USUAL: OnceLock<Isolation> = OnceLock::new();
        match self {
            Isolation::Thread => wire::Isolation::Thread,
            Isolation::Process => wire::Isolation::Process,
            // Sessions refuse a text that means nothing.
            Isolation::Usual => match USUAL.get_or_init(|| Isolation::of_environment().unwrap_or_default()) {
                Isolation::Usual => wire::Isolation::Usual,
                said @ (Isolation::Thread | Isolation::Process) => said.on_the_wire(),
            },
        }
    }
}

impl TaskOptions {
    /// What is not usual. Tasks that tasks submit go before others, so that what waits for them ends soon.
    pub(super) fn on_the_wire(&self, pure: bool) -> Option<wire::TaskOptions> {
        let resource = |(name, amount): &(String, f64)| wire::Resource {
            name: name.clone(),
            thousandths: (amount * 1000.0).ceil().max(0.0) as u64,
        };
        let limit = self.time_limit.map_or(0, |limit| limit.as_millis().max(1));
        let options = wire::TaskOptions {
            priority: self.priority,
            generation: bobbin_task::running().map_or(0, |task| task.generation + 1),
            retries: self.retries,
            time_limit_ms: u64::try_from(limit).unwrap_or(u64::MAX),
            only_on: self.only_on.clone(),
            no_speculation: !self.speculation.unwrap_or(pure),
            resources: self.resources.iter().map(resource).collect(),
            isolation: self.isolation.on_the_wire().into(),
            memory_bytes: self.memory.unwrap_or(0),
            expected_time_us: self.expected_time.map(|time| micros(time).unwrap_or(u64::MAX)),
            expected_result_bytes: self.expected_size,
        };
        (options != wire::TaskOptions::default()).then_some(options)
    }
}

/// At least one, if there is time at all.
fn micros(time: Duration) -> Option<u64> {
    let micros = u64::try_from(time.as_micros()).ok()?;
    Some(micros.max(u64::from(!time.is_zero())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_tasks_say_nothing() {
        assert_eq!(TaskOptions { name: Some("x".into()), ..TaskOptions::default() }.on_the_wire(true), None);
        assert!(TaskOptions::default().on_the_wire(false).is_some_and(|said| said.no_speculation));
        let resources = vec![("GPU".to_owned(), 0.5), ("odd".to_owned(), -1.0)];
        let limited = TaskOptions { resources, time_limit: Some(Duration::from_micros(1)), ..TaskOptions::default() };
        let said = limited.on_the_wire(true).expect("it is unusual");
        assert_eq!(said.resources.iter().map(|row| row.thousandths).collect::<Vec<_>>(), [500, 0]);
        assert_eq!(said.time_limit_ms, 1, "a limit that is there is not for ever");
        let expected = |time| TaskOptions { expected_time: Some(time), ..TaskOptions::default() };
        let said = |time| expected(time).on_the_wire(true).expect("it is unusual").expected_time_us;
        let times = [Duration::ZERO, Duration::from_nanos(1), Duration::from_millis(2), Duration::MAX].map(said);
        assert_eq!(
            times,
            [Some(0), Some(1), Some(2000), Some(u64::MAX)],
            "the core says what is wrong with the first and the last"
        );
        let isolated = TaskOptions { isolation: Isolation::Process, ..TaskOptions::default() };
        assert_eq!(isolated.on_the_wire(true).expect("it is unusual").isolation(), wire::Isolation::Process);
    }

    #[test]
    fn the_environment_says_one_of_two_things() {
        let named = |text: &str| Isolation::named(text.to_owned());
        assert_eq!((named(""), named("process")), (Ok(Isolation::Usual), Ok(Isolation::Process)));
        assert_eq!(named("jail").unwrap_err().to_string(), "BOBBIN_ISOLATION is \"jail\": write thread or process");
    }
}
