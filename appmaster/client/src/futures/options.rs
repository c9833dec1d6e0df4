//! How a task is to be run.

use std::sync::Arc;
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
    /// has failed all the same, but goes on to use its core.
    pub time_limit: Option<Duration>,
    /// Whether it may be tried on a second host, too, when it takes much longer than others of its set: the first attempt to end
    /// counts. By default if it is pure.
    pub speculation: Option<bool>,
    /// What it takes of its worker while it runs, to three decimal places: `("GPU", 1.0)`. What each worker has, is said
    /// with `--worker-resources`.
    pub resources: Vec<(String, f64)>,
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
        };
        (options != wire::TaskOptions::default()).then_some(options)
    }
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
    }
}
