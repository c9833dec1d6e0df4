//! Events and actions as the lines of a script. What `show` writes, `script` reads.

use std::fmt::Display;

use crate::{
    Action, AskRow, Audience, Capability, Event, FailureKind, FormerJob, FormerResults, Grant, Graph, HostNames, Input,
    InputRange, JobId, Node, Placing, Question, TaskFailure, TaskOptions, TaskRequest, TaskSet, WorkerId,
};

fn join<T>(items: &[T], separator: &str, show: impl Fn(&T) -> String) -> String {
    items.iter().map(show).collect::<Vec<_>>().join(separator)
}

fn numbers<T: Display>(items: &[T]) -> String {
    join(items, ",", T::to_string)
}

fn size(size: &Capability) -> String {
    format!("{}x{}", size.memory_mb, size.cores)
}

fn node(node: &Node) -> String {
    let mark = if node.usable { "" } else { "!" };
    let aliases = if node.aliases.is_empty() { String::new() } else { format!(":{}", node.aliases.join(",")) };
    format!("{mark}{}={}:{}{aliases}", node.host, node.rack, size(&node.total))
}

fn grant(grant: &Grant) -> String {
    let request = grant.request.map_or("-".into(), |request| request.0.to_string());
    format!("c{}@{}#{request}", grant.container.0, grant.host)
}

fn request(task: &TaskRequest, hosts: &HostNames) -> String {
    let name = |place: &u32| hosts.name(*place).expect("a host of the graph").to_owned();
    let places = if task.places.is_empty() { "-".into() } else { join(&task.places, ",", name) };
    let inputs =
        if task.inputs.is_empty() { String::new() } else { format!("<{}", join(&task.inputs, ",", input_range)) };
    format!("{places}:{}{inputs}", task.input_bytes)
}

/// `3` is the result of task 3, `0-9/2` part 2 of each of ten tasks, `j1.3` the result of task 3 of job 1.
fn input_range(input: &InputRange) -> String {
    let InputRange { job, first, count, part } = *input;
    let job = job.map_or_else(String::new, |job| format!("j{job}."));
    let last = if count == 1 { String::new() } else { format!("-{}", (first + count).saturating_sub(1)) };
    let part = if part == 0 { String::new() } else { format!("/{part}") };
    format!("{job}{first}{last}{part}")
}

/// What an assigned task reads: each result, its part, its holder, or nobody for a skipped task.
fn reads(input: &Input) -> String {
    let part = if input.part == 0 { String::new() } else { format!("/{}", input.part) };
    let each = (input.first.0..).zip(input.holders.iter());
    let holder = |holder: &Option<WorkerId>| holder.map_or("-".into(), |holder| format!("k{}", holder.0));
    each.map(|(task, worker)| format!("t{task}{part}@{}", holder(worker))).collect::<Vec<_>>().join(",")
}

fn graph(graph: &Graph) -> String {
    let rows = |set: &TaskSet| set.rows_wanted.map_or_else(String::new, |rows| format!("!{rows}"));
    let set = |set: &TaskSet| {
        format!(
            " | {}{}{}: {}",
            set.name,
            rows(set),
            options(&set.options),
            join(&set.tasks, " ", |task| request(task, &graph.hosts))
        )
    };
    let sets = graph.sets.iter().map(set);
    let alone = if graph.independent { " alone" } else { "" };
    let was = graph.formerly.map_or_else(String::new, |FormerJob { master, first }| format!(" was={master}:{first}"));
    let readable =
        if graph.readable.is_empty() { String::new() } else { format!(" readable={}", numbers(&graph.readable)) };
    format!("wanted={}{alone}{was}{readable}{}", numbers(&graph.wanted), sets.collect::<String>())
}

/// `{prio=1 depth=2 retries=3 isolatable=1 on=w1,w2 GPU=500}`, each if it is not usual.
fn options(options: &TaskOptions) -> String {
    let TaskOptions { priority, generation, retries, no_speculation, only_on, resources, isolatable, .. } = options;
    let number = |name, number: i64| if number == 0 { None } else { Some(format!("{name}={number}")) };
    let mut words: Vec<String> = Vec::new();
    words.extend(number("prio", (*priority).into()));
    words.extend(number("depth", (*generation).into()));
    words.extend(number("retries", (*retries).into()));
    words.extend(no_speculation.then(|| "once=1".to_owned()));
    words.extend(number("isolatable", (*isolatable).into()));
    words.extend((!only_on.is_empty()).then(|| format!("on={}", only_on.join(","))));
    words.extend(options.expected_time.map(|time| format!("time={}", time.as_micros())));
    words.extend(options.expected_size.map(|size| format!("size={size}")));
    words.extend(resources.iter().map(|(name, amount)| format!("{name}={amount}")));
    if words.is_empty() { String::new() } else { format!("{{{}}}", words.join(" ")) }
}

fn failure(failure: &TaskFailure) -> String {
    let kind = match &failure.kind {
        FailureKind::Permanent => "permanent".into(),
        FailureKind::Transient => "transient".into(),
        FailureKind::InputLost(tasks) => format!("lost:{}", join(tasks, ",", |task| task.0.to_string())),
        FailureKind::Cancelled => "cancelled".into(),
    };
    format!("{kind} {} {}", failure.exit_code, failure.message)
}

/// An event as a line of a script.
pub fn event(event: &Event) -> String {
    match event {
        Event::NodesKnown { nodes } => format!("nodes {}", join(nodes, " ", node)),
        Event::Registered { maximum } => format!("registered {}", size(maximum)),
        Event::WorkExpected { tasks, places } => {
            format!("expect {tasks} {}", join(places, " ", |(host, count)| format!("{host}:{count}")))
        }
        Event::HeadroomKnown { headroom } => format!("headroom {}", size(headroom)),
        Event::Resync => "resync".into(),
        Event::ShutdownByResourceManager => "shutdown".into(),
        Event::ContainersKept { containers } => {
            format!("kept {}", join(containers, " ", |(container, host)| format!("c{}@{host}", container.0)))
        }
        Event::ContainersGranted { grants } => format!("grant {}", join(grants, " ", grant)),
        Event::ContainerLaunchFailed { container, why } => format!("launch-failed c{} {why}", container.0),
        Event::ContainerCompleted { container, exit_status, diagnostics } => {
            format!("completed c{} {exit_status} {diagnostics}", container.0)
        }
        Event::DriverConnected { driver } => format!("driver d{}", driver.0),
        Event::DriverDisconnected { driver } => format!("driver-gone d{}", driver.0),
        Event::JobSubmitted { driver, job, graph: tasks } => {
            format!("submit d{} j{} {}", driver.0, job.0, graph(tasks))
        }
        Event::JobCancelled { job } => format!("cancel j{}", job.0),
        Event::JobReleased { job } => format!("release j{}", job.0),
        Event::ResultsReleased { job, indexes } => format!("release-results j{} {}", job.0, numbers(indexes)),
        Event::TasksCancelled { job, indexes } => format!("cancel-tasks j{} {}", job.0, numbers(indexes)),
        Event::ResultUnreadable { job, index, workers, why } => {
            format!("unreadable j{} {index} {} {why}", job.0, join(workers, ",", |worker| format!("k{}", worker.0)))
        }
        Event::Asked { driver, request, question: asked } => {
            format!("ask d{} {request} {}", driver.0, question(asked))
        }
        Event::QuestionWithdrawn { driver, request } => format!("withdraw d{} {request}", driver.0),
        Event::SharesReleased { driver, job, indexes } => {
            format!("release-shares d{} j{} {}", driver.0, job.0, numbers(indexes))
        }
        Event::FinishRequested { succeeded, diagnostics } => format!("finish {} {diagnostics}", outcome(*succeeded)),
        Event::WorkerConnected { worker, container, host, threads } => {
            let container = container.map_or("-".into(), |container| format!("c{}", container.0));
            format!("worker k{} {container}@{host} x{threads}", worker.0)
        }
        Event::ResultsClaimed { worker, results } => {
            let of_one = |former: &FormerResults| format!("{}:{}", former.master, numbers(&former.tasks));
            format!("has k{} {}", worker.0, join(results, " ", of_one))
        }
        Event::ResultAdopted { worker, task, found } => {
            let found = found.map_or("none".into(), |(bytes, rows)| format!("{bytes} rows {rows}"));
            format!("adopted k{} t{} {found}", worker.0, task.0)
        }
        Event::WorkerGone { worker, why } => format!("worker-gone k{} {why}", worker.0),
        Event::TaskFinished { worker, task, attempt, result_bytes, result_rows } => {
            let rows = if *result_rows == 0 { String::new() } else { format!(" rows {result_rows}") };
            format!("done k{} t{}.{attempt} {result_bytes}{rows}", worker.0, task.0)
        }
        Event::TaskFailed { worker, task, attempt, failure: told } => {
            format!("fail k{} t{}.{attempt} {}", worker.0, task.0, failure(told))
        }
        Event::WorkerPressed { worker, pressed, bytes } => {
            format!("{} k{} {bytes}", if *pressed { "pressed" } else { "relieved" }, worker.0)
        }
        Event::ResultCopied { worker, copy } => format!("copied k{} y{}", worker.0, copy.0),
        Event::CopyFailed { worker, copy, why } => format!("not-copied k{} y{} {why}", worker.0, copy.0),
        Event::TaskWaits { worker, task, attempt, waits } => {
            format!("{} k{} t{}.{attempt}", if *waits { "waits" } else { "goes-on" }, worker.0, task.0)
        }
        Event::Tick => "tick".into(),
    }
}

fn audience(to: Audience) -> String {
    match to {
        Audience::Owner => String::new(),
        Audience::Sharer(driver) => format!(" for d{}", driver.0),
    }
}

/// What random schedules and scripts ask for.
fn question(question: &Question) -> String {
    if let Question::Publish { name, entries, .. } = question {
        let entries = join(entries, ",", |entry| format!("j{}/{}", entry.job.0, entry.index));
        return format!("publish {name} {entries}");
    }
    if let Question::Detach { tasks } = question {
        return format!("detach {}", join(tasks, ",", |(job, index)| format!("j{}/{index}", job.0)));
    }
    if let Question::Unpublish { name } = question {
        return format!("unpublish {name}");
    }
    if let Question::Open { name } = question {
        return format!("open {name}");
    }
    if let Question::Story { job, index } = question {
        return format!("story j{}/{index}", job.0);
    }
    if let Question::Place(placing) = question {
        return self::placing(placing);
    }
    format!("{question:?}")
}

fn placing(placing: &Placing) -> String {
    let results = |rows: &[(JobId, u32)]| join(rows, ",", |(job, index)| format!("j{}/{index}", job.0));
    match placing {
        Placing::Replicate { results: rows, copies } => format!("replicate {copies} {}", results(rows)),
        Placing::Holders { results: rows } => format!("holders {}", results(rows)),
        Placing::Rebalance => "rebalance".into(),
        Placing::Retire { workers } => {
            format!("retire {}", join(workers, ",", |worker| format!("k{}", worker.0)))
        }
    }
}

fn outcome(succeeded: bool) -> &'static str {
    if succeeded { "ok" } else { "failed" }
}

/// `w1=1+` is one container on w1, and it may come from elsewhere.
fn rows(rows: &[AskRow]) -> String {
    let row = |row: &AskRow| {
        let relax = if row.relax_locality { "+" } else { "-" };
        format!("{}:{}={}{relax}", row.request.0, row.place, row.count)
    };
    join(rows, " ", row)
}

/// An action as a line of a script.
pub fn action(action: &Action) -> String {
    match action {
        Action::Ask { rows: changed } => format!("ask {}", rows(changed)),
        Action::Blacklist { hosts } => format!("blacklist {}", hosts.join(" ")),
        Action::Release { container } => format!("release c{}", container.0),
        Action::Launch { container } => format!("launch c{}", container.0),
        Action::StopWorker { worker } => format!("stop k{}", worker.0),
        Action::JobAccepted { job, first_task } => format!("accepted j{} from t{}", job.0, first_task.0),
        Action::Assign(row) => {
            let inputs = join(&row.inputs, ",", reads);
            let reads = if inputs.is_empty() { inputs } else { format!(" reads {inputs}") };
            let isolated = if row.isolated { " isolated" } else { "" };
            let also = join(&row.copies, ",", |(task, worker)| format!("t{}@k{}", task.0, worker.0));
            let also = if also.is_empty() { also } else { format!(" also {also}") };
            format!("assign k{} t{}.{}{isolated}{reads}{also}", row.worker.0, row.task.0, row.attempt)
        }
        Action::CancelTask { worker, task, attempt } => format!("cancel k{} t{}.{attempt}", worker.0, task.0),
        Action::Copy { worker, task, copy, from } => {
            format!("copy k{} t{} from k{} as y{}", worker.0, task.0, from.0, copy.0)
        }
        Action::AdoptResults { worker, master, results } => {
            let results = join(results, ",", |(former, task)| format!("{former}=t{}", task.0));
            format!("adopt k{} {master}:{results}", worker.0)
        }
        Action::DropFormer { worker } => format!("drop-former k{}", worker.0),
        Action::DropResults { worker, tasks } => {
            format!("drop k{} {}", worker.0, join(tasks, ",", |task| format!("t{}", task.0)))
        }
        Action::ResultReady { to, job, index, bytes, holder, .. } => {
            format!("result j{}/{index} of {bytes} on k{}{}", job.0, holder.0, audience(*to))
        }
        Action::ResultLost { to, job, index } => format!("lost j{}/{index}{}", job.0, audience(*to)),
        Action::ResultFailed { to, job, index, message, exit_code } => {
            format!("failed j{}/{index}{} with {exit_code}: {message}", job.0, audience(*to))
        }
        Action::Answer { driver, request, answer } => format!("answer d{} {request} {answer:?}", driver.0),
        Action::JobFinished { job } => format!("finished j{}", job.0),
        Action::JobFailed { job, message, exit_code } => format!("failed j{} with {exit_code}: {message}", job.0),
        Action::ForgetJob { job } => format!("forget j{}", job.0),
        Action::Finish { succeeded, unregister, diagnostics } => {
            let attempt = if *unregister { "" } else { ", not unregistered" };
            format!("finish {}{attempt}: {diagnostics}", outcome(*succeeded))
        }
        Action::Note(text) => format!("note {text}"),
    }
}
