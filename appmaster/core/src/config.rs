//! What the user and the shell decide before the application starts.

use std::time::Duration;

use crate::event::Capability;

/// The core's settings. `Config::default()` is local mode.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// How workers come to be; `None` in local mode, where they just connect.
    pub cluster: Option<ClusterConfig>,
    /// How long a task waits for a worker near its data.
    pub locality: LocalityWaits,
    /// When tasks that take long are tried on a second worker, too; `None` for never.
    pub speculation: Option<Speculation>,
    /// What each worker has beside threads and memory, for tasks that ask for it: names and thousandths.
    pub resources: Vec<(String, u64)>,
    /// Tasks that a worker gets beyond its threads, at least, so that it need not wait for the next one; 0 for never any.
    pub prefetch: u32,
    /// Attempts of a task that end in a transient failure before its job fails.
    pub task_attempts: u32,
    /// Workers that may die under a task before its job fails.
    pub worker_deaths: u32,
    /// Times that a task may lose its inputs before its job fails.
    pub input_losses: u32,
    /// Delay before the second attempt after a transient failure; four times as long before each later one.
    pub retry_delay: Duration,
    /// The application ends when there was neither driver nor job for so long; `None` for never.
    pub idle_limit: Option<Duration>,
    /// How long containers are asked for on behalf of announced work that nobody brings.
    pub expectation_limit: Duration,
    /// How long tasks that an application master before ours may have had wait for workers that may have their results:
    /// those of kept containers, or, where there are no containers, of `former_workers`.
    pub former_wait: Duration,
    /// Workers that are expected to come from an application master before ours, in local mode.
    pub former_workers: u32,
    /// How long a worker keeps results of former application masters that nobody asks for.
    pub former_limit: Duration,
    /// How long a container of an attempt before may take until its worker connects.
    pub kept_limit: Duration,
    /// A job fails when no worker was there, and none could come, for so long.
    pub starvation_limit: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            cluster: None,
            locality: LocalityWaits::default(),
            speculation: Some(Speculation::default()),
            resources: Vec::new(),
            prefetch: 1,
            task_attempts: 4,
            worker_deaths: 3,
            input_losses: 8,
            retry_delay: Duration::from_millis(100),
            idle_limit: None,
            expectation_limit: Duration::from_secs(30),
            former_wait: Duration::from_secs(10),
            former_workers: 0,
            former_limit: Duration::from_secs(60),
            kept_limit: Duration::from_secs(30),
            starvation_limit: Duration::from_secs(30),
        }
    }
}

/// When a task takes too long. Only of sets of which at least half of the tasks, and three, are done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speculation {
    /// So many times as long as the tasks of its set that are done have taken on average.
    pub factor: f64,
    /// And so long.
    pub least: Duration,
}

impl Default for Speculation {
    fn default() -> Self {
        Speculation { factor: 3.0, least: Duration::from_secs(1) }
    }
}

/// How long tasks, and requests for containers, insist on their places. A task's wait starts anew whenever something
/// happens on its host that makes waiting worthwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalityWaits {
    /// A task: before a host of the same rack will do.
    pub node: Duration,
    /// A task: before any host will do.
    pub rack: Duration,
    /// A request: before hosts of the same rack will do. YARN grants when the node calls, each second by default, and
    /// later under load: three calls, as long as Spark waits (`spark.locality.wait`).
    pub request_node: Duration,
    /// A request: before any host will do.
    pub request_rack: Duration,
    /// A task, in addition, where our only containers on a host are still starting; twice the slowest start so far, if
    /// that is more. A node that has yet to download our files, or is under load, starts containers in its own time.
    pub start: Duration,
    /// A queue that its own host will need so long for is shared with everybody at once. So is one that needs longer than `node`
    /// and four times as long as a task.
    pub backlog: Duration,
}

impl Default for LocalityWaits {
    fn default() -> Self {
        LocalityWaits {
            node: Duration::from_secs(2),
            rack: Duration::from_secs(4),
            request_node: Duration::from_secs(3),
            request_rack: Duration::from_secs(6),
            start: Duration::from_secs(8),
            backlog: Duration::from_secs(10),
        }
    }
}

/// How workers come to be on YARN.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterConfig {
    /// Memory and cores of every worker's container.
    pub worker: Capability,
    /// Threads that a worker will have, for sizing before the first one is there.
    pub worker_threads: u32,
    /// How many workers the user asked for; `None` for as many as hosts hold waiting splits.
    pub workers: Option<u32>,
    /// The most that are asked for when the user gave no number.
    pub default_limit: u32,
    /// Name hosts and racks in requests. False with a node label: YARN refuses both in one request.
    pub name_hosts: bool,
    /// Does the number of workers follow the work, up to `workers`? Then there are as many as end it about as soon as another
    /// one would have started, and at least those that are to stay.
    pub adaptive: bool,
    /// Workers that stay when there is nothing to do.
    pub keep_workers: u32,
    /// Workers that are to be there whether or not there is anything to do: they are asked for at once, and one that is lost is
    /// replaced. At most [`most_workers`](Self::most_workers).
    pub warm_workers: u32,
    /// How long a worker beyond these may have nothing to do before it is given back.
    pub release_idle_after: Duration,
    /// How long a launched container may take until its worker connects.
    pub connect_limit: Duration,
    /// How long to wait for YARN's word on why a vanished worker's container ended.
    pub exit_limit: Duration,
}

impl ClusterConfig {
    /// The most workers that there may be at once.
    pub fn most_workers(&self) -> u32 {
        self.workers.unwrap_or(self.default_limit)
    }

    /// Those that are to be there, of the most that there may be.
    pub(crate) fn warm(&self) -> u32 {
        self.warm_workers.min(self.most_workers())
    }
}

impl Default for ClusterConfig {
    fn default() -> Self {
        ClusterConfig {
            worker: Capability { memory_mb: 2048, cores: 2 },
            worker_threads: 2,
            workers: None,
            default_limit: 16,
            name_hosts: true,
            adaptive: false,
            keep_workers: 16,
            warm_workers: 0,
            release_idle_after: Duration::from_secs(10),
            connect_limit: Duration::from_secs(300),
            exit_limit: Duration::from_secs(10),
        }
    }
}
