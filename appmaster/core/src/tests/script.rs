//! Scripts: settings, events, and the actions that follow, one a line. A failing random schedule prints one, too.
//!
//! ```text
//! # why this script exists
//! set workers=2 threads=2
//! 100 tick
//! > ask 1:*=1+
//! 900 restart
//! ? what the core says when asked why nothing runs
//! ```

use std::time::Duration;

use super::show;
use crate::core::invariants;
use crate::{
    Action, Capability, ClusterConfig, Config, ContainerId, CopyId, Core, DatasetEntry, DriverId, Event, FailureKind,
    FormerJob, FormerResults, Grant, Graph, HostNames, InputRange, JobId, Node, Placing, Question, RequestId,
    Speculation, TaskFailure, TaskId, TaskOptions, TaskRequest, TaskSet, Time, WorkerId,
};

/// Run a script's events, and return it with the actions that really followed.
pub fn run(text: &str) -> String {
    let mut config = Config::default();
    let mut core: Option<Core> = None;
    let mut now = Time(0);
    let mut out = Vec::new();
    for line in text.lines() {
        match line.split_once(' ') {
            Some((">" | "?", _)) => continue,
            None if line == "?" => continue,
            Some(("set", settings)) => set(&mut config, settings),
            Some((first, rest)) if first.parse::<u64>().is_ok() => {
                now = Time(first.parse().unwrap());
                if rest == "restart" {
                    core = None;
                    out.push(line.to_owned());
                    continue;
                }
                let core = core.get_or_insert_with(|| Core::new(config.clone()));
                out.push(line.trim_end().to_owned());
                step(core, now, rest, &mut out);
                continue;
            }
            Some(_) | None => assert!(line.is_empty() || line.starts_with('#'), "not a line of a script: {line}"),
        }
        out.push(line.to_owned());
    }
    let _ = now;
    out.join("\n") + "\n"
}

fn step(core: &mut Core, now: Time, line: &str, out: &mut Vec<String>) {
    if let Some(task) = line.strip_prefix("explain t") {
        return out.push(format!("? {}", core.explain(now, TaskId(task.parse().unwrap()))));
    }
    if line == "dump" {
        return out.extend(core.dump(now).lines().map(|line| format!("? {line}").trim_end().to_owned()));
    }
    if line == "waiting" {
        return out.push(format!("? {}", core.waiting_for(now)));
    }
    if let Some(job) = line.strip_prefix("progress j") {
        return out.push(format!("? {:?}", core.progress(now, JobId(job.parse().unwrap()))));
    }
    let mut actions: Vec<Action> = Vec::new();
    core.handle(now, event(line), &mut actions);
    out.extend(actions.iter().map(|action| format!("> {}", show::action(action)).trim_end().to_owned()));
    invariants::check(core);
}

fn set(config: &mut Config, settings: &str) {
    for setting in settings.split_whitespace() {
        let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
        let number = || value.parse::<u64>().expect("a number");
        let seconds = || Duration::from_millis(number());
        let limits = config.clone();
        let mut cluster = limits.cluster.unwrap_or_default();
        match key {
            "local" => {
                config.cluster = None;
                continue;
            }
            name if name.chars().all(|letter| letter.is_ascii_uppercase()) => {
                config.resources.push((name.into(), number()));
                continue;
            }
            "prefetch" => config.prefetch = number() as u32,
            "slow" => {
                let (factor, least) = value.split_once('x').expect("factor x milliseconds");
                let (factor, least) = (factor.parse().expect("a factor"), least.parse().expect("milliseconds"));
                config.speculation =
                    (factor > 0.0).then(|| Speculation { factor, least: Duration::from_millis(least) });
            }
            "idle" => config.idle_limit = Some(seconds()),
            "hope" => config.starvation_limit = seconds(),
            "expect" => config.expectation_limit = seconds(),
            "former-wait" => config.former_wait = seconds(),
            "former-workers" => config.former_workers = number() as u32,
            "former-limit" => config.former_limit = seconds(),
            "kept" => config.kept_limit = seconds(),
            "workers" => cluster.workers = Some(number() as u32),
            "limit" => cluster.default_limit = number() as u32,
            "threads" => cluster.worker_threads = number() as u32,
            "size" => cluster.worker = capability(value),
            "adaptive" => cluster.adaptive = number() > 0,
            "keep" => cluster.keep_workers = number() as u32,
            "warm" => cluster.warm_workers = number() as u32,
            "release" => cluster.release_idle_after = seconds(),
            "connect" => cluster.connect_limit = seconds(),
            "names" => cluster.name_hosts = number() > 0,
            _ => panic!("unknown setting {key}"),
        }
        let is_everywhere =
            key.starts_with("former-") || matches!(key, "prefetch" | "idle" | "hope" | "expect" | "kept" | "slow");
        if !is_everywhere {
            config.cluster = Some(cluster);
        }
    }
}

/// The settings as a line of a script.
pub fn show_settings(config: &Config) -> String {
    let resources = config.resources.iter().map(|(name, amount)| format!(" {name}={amount}")).collect::<String>();
    let mut line = format!("set{resources} prefetch={} hope={}", config.prefetch, config.starvation_limit.as_millis());
    let slow = config.speculation.map_or((0.0, 0), |rule| (rule.factor, rule.least.as_millis()));
    line += &format!(" slow={}x{}", slow.0, slow.1);
    let millis = |span: Duration| span.as_millis();
    line += &format!(" former-wait={} former-workers={}", millis(config.former_wait), config.former_workers);
    line += &format!(" former-limit={} kept={}", millis(config.former_limit), millis(config.kept_limit));
    if let Some(idle) = config.idle_limit {
        line += &format!(" idle={}", idle.as_millis());
    }
    let Some(cluster) = &config.cluster else { return line };
    let ClusterConfig { worker, worker_threads, default_limit, keep_workers, warm_workers, .. } = cluster;
    line += &format!(" size={}x{} threads={worker_threads} limit={default_limit}", worker.memory_mb, worker.cores);
    line += &format!(" keep={keep_workers} warm={warm_workers} release={}", cluster.release_idle_after.as_millis());
    line += &format!(" connect={} names={}", cluster.connect_limit.as_millis(), u32::from(cluster.name_hosts));
    if let Some(workers) = cluster.workers {
        line += &format!(" workers={workers} adaptive={}", u32::from(cluster.adaptive));
    }
    line
}

fn id<T: std::str::FromStr>(word: &str, prefix: &str) -> T {
    let number = word.strip_prefix(prefix).unwrap_or_else(|| panic!("{word} does not start with {prefix}"));
    number.parse().unwrap_or_else(|_| panic!("{word} has no number"))
}

fn list(words: &str) -> Vec<u32> {
    words.split(',').filter(|word| !word.is_empty()).map(|word| word.parse().expect("a number")).collect()
}

fn capability(word: &str) -> Capability {
    let (memory, cores) = word.split_once('x').expect("memory x cores");
    Capability { memory_mb: memory.parse().expect("memory"), cores: cores.parse().expect("cores") }
}

fn node(word: &str) -> Node {
    let (usable, word) = word.strip_prefix('!').map_or((true, word), |word| (false, word));
    let (host, rest) = word.split_once('=').expect("host=rack");
    let mut parts = rest.split(':');
    let rack = parts.next().expect("a rack").to_owned();
    let total = capability(parts.next().expect("a size"));
    let aliases = parts.next().map_or(Vec::new(), |names| names.split(',').map(str::to_owned).collect());
    Node { host: host.into(), rack, aliases, total, usable }
}

fn grant(word: &str) -> Grant {
    let (container, rest) = word.split_once('@').expect("c1@host#1");
    let (host, request) = rest.split_once('#').expect("c1@host#1");
    Grant {
        container: ContainerId(id(container, "c")),
        host: host.into(),
        request: request.parse().ok().map(RequestId),
        capability: Capability::default(),
    }
}

fn task_request(word: &str, hosts: &mut HostNames) -> TaskRequest {
    let (word, inputs) = word.split_once('<').unwrap_or((word, ""));
    let (places, bytes) = word.split_once(':').expect("places:bytes");
    let places = places.split(',').filter(|&place| place != "-").map(|name| hosts.number(name)).collect();
    TaskRequest { places, input_bytes: bytes.parse().expect("bytes"), inputs: ranges(inputs) }
}

/// `3` is the result of task 3, `0-9/2` part 2 of each of ten tasks, `j1.3` the result of task 3 of job 1.
fn ranges(words: &str) -> Vec<InputRange> {
    let range = |word: &str| {
        let (job, word) = word.split_once('.').map_or((None, word), |(job, word)| (Some(id(job, "j")), word));
        let (tasks, part) = word.split_once('/').unwrap_or((word, "0"));
        let (first, last) = tasks.split_once('-').unwrap_or((tasks, tasks));
        let number = |word: &str| word.parse::<u32>().expect("a number");
        InputRange { job, first: number(first), count: number(last) + 1 - number(first), part: number(part) }
    };
    words.split(',').filter(|word| !word.is_empty()).map(range).collect()
}

fn expected_place(word: &str) -> (String, u32) {
    let (host, count) = word.rsplit_once(':').expect("host:tasks");
    (host.into(), count.parse().expect("tasks"))
}

/// `scan!10` is a set of which ten rows are enough; `wanted=0,1 alone` begins a job whose tasks fail alone. The driver's
/// number of a job is the application's.
fn graph(number: u32, words: &str) -> Graph {
    let mut parts = words.split(" | ");
    let wanted = parts.next().and_then(|part| part.trim().strip_prefix("wanted=")).expect("wanted=");
    let mut hosts = HostNames::default();
    let mut set = |part: &str| {
        let (name, tasks) = part.split_once(": ").or_else(|| part.split_once(':')).expect("name: tasks");
        let (name, options) = match name.split_once('{') {
            Some((name, words)) => (name, options(words.strip_suffix('}').expect("closing"))),
            None => (name, TaskOptions::default()),
        };
        let (name, rows) = name.split_once('!').map_or((name, None), |(name, rows)| (name, Some(rows)));
        let rows_wanted = rows.map(|rows| rows.parse().expect("rows"));
        TaskSet {
            name: name.into(),
            tasks: tasks.split_whitespace().map(|word| task_request(word, &mut hosts)).collect(),
            rows_wanted,
            options,
        }
    };
    let sets = parts.map(&mut set).collect();
    let mut words = wanted.split(' ');
    let wanted = list(words.next().expect("wanted="));
    let mut graph = Graph { number, wanted, hosts, sets, ..Graph::default() };
    for word in words {
        if let Some(was) = word.strip_prefix("was=") {
            let (master, first) = former(was);
            graph.formerly = Some(FormerJob { master, first: first[0] });
        } else if let Some(readable) = word.strip_prefix("readable=") {
            graph.readable = list(readable);
        } else {
            assert_eq!(word, "alone", "what a graph is");
            graph.independent = true;
        }
    }
    graph
}

/// `1:4,5` are tasks 4 and 5 of application master 1.
fn former(word: &str) -> (u32, Vec<u32>) {
    let (master, tasks) = word.split_once(':').expect("master:tasks");
    (master.parse().expect("a master"), list(tasks))
}

fn options(words: &str) -> TaskOptions {
    let mut options = TaskOptions::default();
    for (name, value) in words.split_whitespace().map(|word| word.split_once('=').expect("name=value")) {
        match name {
            "prio" => options.priority = value.parse().expect("a priority"),
            "depth" => options.generation = value.parse().expect("a depth"),
            "retries" => options.retries = value.parse().expect("retries"),
            "once" => options.no_speculation = value == "1",
            "isolatable" => options.isolatable = value == "1",
            "time" => options.expected_time = Some(Duration::from_micros(value.parse().expect("microseconds"))),
            "size" => options.expected_size = Some(value.parse().expect("bytes")),
            "on" => options.only_on = value.split(',').map(str::to_owned).collect(),
            name => options.resources.push((name.into(), value.parse().expect("thousandths"))),
        }
    }
    options
}

fn attempt(word: &str) -> (TaskId, u32) {
    let (task, attempt) = word.split_once('.').expect("t1.1");
    (TaskId(id(task, "t")), attempt.parse().expect("an attempt"))
}

fn failure(kind: &str, rest: &str) -> TaskFailure {
    let (exit_code, message) = rest.split_once(' ').unwrap_or((rest, ""));
    let kind = match kind {
        "permanent" => FailureKind::Permanent,
        "transient" => FailureKind::Transient,
        "cancelled" => FailureKind::Cancelled,
        _ => {
            FailureKind::InputLost(list(kind.strip_prefix("lost:").expect("a kind")).into_iter().map(TaskId).collect())
        }
    };
    TaskFailure { kind, message: message.into(), exit_code: exit_code.parse().expect("an exit code") }
}

/// The event of a line.
pub fn event(line: &str) -> Event {
    let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
    let (first, others) = rest.split_once(' ').unwrap_or((rest, ""));
    match what {
        "nodes" => Event::NodesKnown { nodes: rest.split_whitespace().map(node).collect() },
        "registered" => Event::Registered { maximum: capability(first) },
        "expect" => Event::WorkExpected {
            tasks: first.parse().expect("a number of tasks"),
            places: others.split_whitespace().map(expected_place).collect(),
        },
        "headroom" => Event::HeadroomKnown { headroom: capability(first) },
        "resync" => Event::Resync,
        "shutdown" => Event::ShutdownByResourceManager,
        "kept" => {
            let kept = |word: &str| {
                let (container, host) = word.split_once('@').expect("c1@host");
                (ContainerId(id(container, "c")), host.to_owned())
            };
            Event::ContainersKept { containers: rest.split_whitespace().map(kept).collect() }
        }
        "grant" => Event::ContainersGranted { grants: rest.split_whitespace().map(grant).collect() },
        "driver" => Event::DriverConnected { driver: DriverId(id(first, "d")) },
        "driver-gone" => Event::DriverDisconnected { driver: DriverId(id(first, "d")) },
        "cancel" => Event::JobCancelled { job: JobId(id(first, "j")) },
        "release" => Event::JobReleased { job: JobId(id(first, "j")) },
        "release-results" => Event::ResultsReleased { job: JobId(id(first, "j")), indexes: list(others) },
        "cancel-tasks" => Event::TasksCancelled { job: JobId(id(first, "j")), indexes: list(others) },
        "unreadable" => {
            let (task, rest) = others.split_once(' ').expect("a task");
            let (workers, why) = rest.split_once(' ').unwrap_or((rest, ""));
            let workers = workers.split(',').map(|worker| WorkerId(id(worker, "k"))).collect();
            let (job, index) = (JobId(id(first, "j")), task.parse().expect("a number of a task"));
            Event::ResultUnreadable { job, index, workers, why: why.into() }
        }
        "ask" => {
            let (request, asked) = others.split_once(' ').expect("a question");
            let request = request.parse().expect("its number");
            Event::Asked { driver: DriverId(id(first, "d")), request, question: question(asked) }
        }
        "withdraw" => {
            Event::QuestionWithdrawn { driver: DriverId(id(first, "d")), request: others.parse().expect("its number") }
        }
        "release-shares" => {
            let (job, indexes) = others.split_once(' ').expect("a job");
            Event::SharesReleased { driver: DriverId(id(first, "d")), job: JobId(id(job, "j")), indexes: list(indexes) }
        }
        "finish" => Event::FinishRequested { succeeded: first == "ok", diagnostics: others.into() },
        "tick" => Event::Tick,
        "submit" => {
            let (job, tasks) = others.split_once(' ').expect("a graph");
            let number = id(job, "j");
            Event::JobSubmitted { driver: DriverId(id(first, "d")), job: JobId(number), graph: graph(number, tasks) }
        }
        _ => container_or_worker_event(what, first, others),
    }
}

fn question(words: &str) -> Question {
    let (what, rest) = words.split_once(' ').unwrap_or((words, ""));
    let (name, entries) = rest.split_once(' ').unwrap_or((rest, ""));
    let name = name.to_owned();
    let entry = |word: &str| {
        let (job, index) = word.split_once('/').expect("j1/0");
        DatasetEntry { job: JobId(id(job, "j")), index: index.parse().expect("a task"), key: Default::default() }
    };
    match what {
        "publish" => {
            let entries = entries.split(',').filter(|word| !word.is_empty()).map(entry).collect();
            Question::Publish { name, kind: "kind".into(), entries }
        }
        "unpublish" => Question::Unpublish { name },
        "open" => Question::Open { name },
        "replicate" => {
            let copies = name.parse().expect("how many copies");
            Question::Place(Placing::Replicate { results: results(entries), copies })
        }
        "holders" => Question::Place(Placing::Holders { results: results(&name) }),
        "story" => {
            let (job, index) = results(&name)[0];
            Question::Story { job, index }
        }
        "rebalance" => Question::Place(Placing::Rebalance),
        "retire" => {
            let workers = name.split(',').filter(|word| !word.is_empty());
            Question::Place(Placing::Retire { workers: workers.map(|word| WorkerId(id(word, "k"))).collect() })
        }
        "detach" => Question::Detach { tasks: results(&name) },
        _ => panic!("unknown question {what}"),
    }
}

/// `j1/0,j1/3`
fn results(words: &str) -> Vec<(JobId, u32)> {
    let result = |word: &str| {
        let (job, index) = word.split_once('/').expect("j1/0");
        (JobId(id(job, "j")), index.parse().expect("a task"))
    };
    words.split(',').filter(|word| !word.is_empty()).map(result).collect()
}

fn container_or_worker_event(what: &str, first: &str, others: &str) -> Event {
    let (second, rest) = others.split_once(' ').unwrap_or((others, ""));
    let container = || ContainerId(id(first, "c"));
    let worker = || WorkerId(id(first, "k"));
    match what {
        "launch-failed" => Event::ContainerLaunchFailed { container: container(), why: others.into() },
        "completed" => Event::ContainerCompleted {
            container: container(),
            exit_status: second.parse().expect("a status"),
            diagnostics: rest.into(),
        },
        "worker" => {
            let (container, host) = second.split_once('@').expect("c1@host");
            let container = (container != "-").then(|| ContainerId(id(container, "c")));
            Event::WorkerConnected { worker: worker(), container, host: host.into(), threads: id(rest, "x") }
        }
        "has" => {
            let of_one = |word| {
                let (master, tasks) = former(word);
                FormerResults { master, tasks }
            };
            Event::ResultsClaimed { worker: worker(), results: others.split_whitespace().map(of_one).collect() }
        }
        "adopted" => {
            let size = rest.split_once(" rows ");
            let found = size.map(|(bytes, rows)| (bytes.parse().expect("bytes"), rows.parse().expect("rows")));
            Event::ResultAdopted { worker: worker(), task: TaskId(id(second, "t")), found }
        }
        "worker-gone" => Event::WorkerGone { worker: worker(), why: others.into() },
        "done" => {
            let (task, attempt) = attempt(second);
            let (bytes, rows) = rest.split_once(" rows ").unwrap_or((rest, "0"));
            let (result_bytes, result_rows) = (bytes.parse().expect("bytes"), rows.parse().expect("rows"));
            Event::TaskFinished { worker: worker(), task, attempt, result_bytes, result_rows }
        }
        "pressed" | "relieved" => {
            let bytes = second.parse().expect("bytes");
            Event::WorkerPressed { worker: worker(), pressed: what == "pressed", bytes }
        }
        "copied" => Event::ResultCopied { worker: worker(), copy: CopyId(id(second, "y")) },
        "not-copied" => Event::CopyFailed { worker: worker(), copy: CopyId(id(second, "y")), why: rest.into() },
        "waits" | "goes-on" => {
            let (task, attempt) = attempt(second);
            Event::TaskWaits { worker: worker(), task, attempt, waits: what == "waits" }
        }
        "fail" => {
            let (task, attempt) = attempt(second);
            let (kind, rest) = rest.split_once(' ').unwrap_or((rest, "0"));
            Event::TaskFailed { worker: worker(), task, attempt, failure: failure(kind, rest) }
        }
        _ => panic!("unknown event {what}"),
    }
}
