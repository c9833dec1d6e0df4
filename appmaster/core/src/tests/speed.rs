//! How long a decision takes: printed, not asserted. The tests' profile does not optimize; `cargo test --release` does.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::script::event;
use crate::{
    Action, ClusterConfig, Config, Core, DriverId, Event, Graph, HostNames, InputRange, JobId, TaskOptions,
    TaskRequest, TaskSet, Time, WorkerId,
};

const TASKS: u32 = 100_000;
const HOSTS: u32 = 100;

/// Scans with three replicas each, and one task that reads them all.
fn graph() -> Graph {
    let mut hosts = HostNames::default();
    for host in 0..HOSTS {
        hosts.number(&format!("w{host}"));
    }
    let place = |number: u32| number % HOSTS;
    let scan = |task: u32| TaskRequest {
        places: vec![place(task), place(task * 7 + 1), place(task * 13 + 5)],
        input_bytes: 32 << 20,
        inputs: Vec::new(),
    };
    let last =
        TaskRequest { inputs: vec![InputRange { count: TASKS, ..InputRange::default() }], ..TaskRequest::default() };
    Graph {
        hosts,
        sets: vec![
            TaskSet { name: "scan".into(), tasks: (0..TASKS).map(scan).collect(), ..TaskSet::default() },
            TaskSet { name: "final".into(), tasks: vec![last], ..TaskSet::default() },
        ],
        wanted: vec![TASKS],
        ..Graph::default()
    }
}

/// Runs a job whose tasks are done in the order in which they were sent out, a hundred each millisecond: how long it took to
/// submit it, how long all took, and what time it is then.
fn run(core: &mut Core, graph: Graph, mut actions: Vec<Action>) -> (Duration, Duration, Time) {
    let start = Instant::now();
    core.handle(Time(0), Event::JobSubmitted { driver: DriverId(1), job: JobId(1), graph }, &mut actions);
    let submit = start.elapsed();
    let mut assigned: VecDeque<(WorkerId, _, u32)> = VecDeque::new();
    let mut finished = false;
    let mut done = 0;
    loop {
        for action in actions.drain(..) {
            finished |= matches!(action, Action::JobFinished { .. });
            if let Action::Assign(row) = action {
                assigned.push_back((row.worker, row.task, row.attempt));
            }
        }
        let Some((worker, task, attempt)) = assigned.pop_front() else { break };
        done += 1;
        let event = Event::TaskFinished { worker, task, attempt, result_bytes: 100, result_rows: 1 };
        core.handle(Time(done / 100), event, &mut actions);
    }
    let now = Time(done / 100);
    assert!(finished, "{}", core.waiting_for(now));
    (submit, start.elapsed(), now)
}

fn time_of(what: &str, submitted: Graph) {
    let mut core = Core::new(Config::default());
    let mut actions = Vec::new();
    for worker in 0..HOSTS {
        core.handle(Time(0), event(&format!("worker k{worker} -@w{worker} x8")), &mut actions);
    }
    let (submit, all, now) = run(&mut core, submitted, actions);
    let progress = core.progress(now, JobId(1)).unwrap();
    println!(
        "{TASKS} {what} on {HOSTS} hosts: submitted in {submit:?}, {:.2} us a task in all; {} node-local",
        all.as_secs_f64() * 1e6 / f64::from(TASKS),
        progress.node_local
    );
}

#[test]
fn time_per_task() {
    time_of("tasks", graph());
}

#[test]
fn time_of_urgent_tasks() {
    let mut submitted = graph();
    submitted.sets[0].options.priority = 1;
    time_of("urgent tasks", submitted);
}

#[test]
fn time_of_a_plan() {
    let mut core = Core::new(Config { cluster: Some(ClusterConfig::default()), ..Config::default() });
    let mut actions = Vec::new();
    let nodes: Vec<String> = (0..HOSTS).map(|node| format!("w{node}=/r{}:65536x16", node / 20)).collect();
    core.handle(Time(0), event(&format!("nodes {}", nodes.join(" "))), &mut actions);
    core.handle(Time(0), event("registered 8192x8"), &mut actions);
    let submitted = graph();
    let start = Instant::now();
    core.handle(Time(0), Event::JobSubmitted { driver: DriverId(1), job: JobId(1), graph: submitted }, &mut actions);
    let submit = start.elapsed();
    core.handle(Time(1), Event::Tick, &mut actions);
    println!("{TASKS} tasks: submitted and hosts chosen in {submit:?}, a tick in {:?}", start.elapsed() - submit);
    assert_eq!(core.summary().containers_asked, 16);
}

/// 10,000 maps, each of whose results 10,000 tasks read a part of.
#[test]
fn time_of_a_shuffle() {
    const SIDE: u32 = 10_000;
    let read = |part| TaskRequest {
        inputs: vec![InputRange { count: SIDE, part, ..InputRange::default() }],
        ..TaskRequest::default()
    };
    let sets = vec![
        TaskSet {
            name: "map".into(),
            tasks: (0..SIDE).map(|_| TaskRequest::default()).collect(),
            ..TaskSet::default()
        },
        TaskSet { name: "reduce".into(), tasks: (0..SIDE).map(read).collect(), ..TaskSet::default() },
    ];
    let submitted = Graph { sets, wanted: (SIDE..2 * SIDE).collect(), ..Graph::default() };
    let mut core = Core::new(Config::default());
    let mut actions = Vec::new();
    for worker in 0..HOSTS {
        core.handle(Time(0), event(&format!("worker k{worker} -@w{worker} x8")), &mut actions);
    }
    let (_, all, _) = run(&mut core, submitted, actions);
    println!("{SIDE} x {SIDE} shuffle: {:.2} us a task in all", all.as_secs_f64() * 1e6 / f64::from(2 * SIDE));
}

/// Of each worker's four threads only one may have such a task, so that there is always room for others.
#[test]
fn time_of_resources() {
    const WORKERS: u32 = 1000;
    const EACH: u32 = 20;
    let options = TaskOptions { resources: vec![("gpu".into(), 1000)], ..TaskOptions::default() };
    let tasks = (0..WORKERS * EACH).map(|_| TaskRequest::default()).collect();
    let sets = vec![TaskSet { name: "train".into(), tasks, options, ..TaskSet::default() }];
    let submitted = Graph { sets, ..Graph::default() };
    let mut core = Core::new(Config { resources: vec![("gpu".into(), 1000)], ..Config::default() });
    let mut actions = Vec::new();
    for worker in 0..WORKERS {
        core.handle(Time(0), event(&format!("worker k{worker} -@w{worker} x4")), &mut actions);
    }
    let (submit, all, _) = run(&mut core, submitted, actions);
    let each = all.as_secs_f64() * 1e6 / f64::from(WORKERS * EACH);
    println!(
        "{EACH} tasks that take a resource on each of {WORKERS} workers: submitted in {submit:?}, {each:.2} us a task"
    );
}
