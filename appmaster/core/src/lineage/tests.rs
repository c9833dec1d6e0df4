//! Lineage in small graphs.

use crate::classes::Classes;
use crate::event::{Graph, InputRange, TaskRequest, TaskSet};
use crate::hosts::Hosts;
use crate::ids::{DriverId, JobId, Time, WorkerId};
use crate::imports::Imports;
use crate::job::Names;
use crate::job::{Job, State};

use super::Effects;

const WORKER: WorkerId = WorkerId(1);

fn job(inputs: &[&[u32]], wanted: &[u32]) -> Job {
    let one = |&first: &u32| InputRange { first, count: 1, ..InputRange::default() };
    graph(inputs.iter().map(|inputs| inputs.iter().map(one).collect()).collect(), wanted)
}

fn graph(inputs: Vec<Vec<InputRange>>, wanted: &[u32]) -> Job {
    let task = |inputs| TaskRequest { inputs, ..TaskRequest::default() };
    let set = TaskSet { name: "set".into(), tasks: inputs.into_iter().map(task).collect(), ..TaskSet::default() };
    let graph = Graph { sets: vec![set], wanted: wanted.to_vec(), ..Graph::default() };
    let (hosts, classes) = (&mut Hosts::default(), &mut Classes::default());
    let names = &mut Names { hosts, classes, resources: &[], paces: &mut crate::pace::Paces::default() };
    Job::new((DriverId(1), JobId(1)), 0, Imports::default()).build(graph, names).expect("a good graph")
}

fn started(inputs: &[&[u32]], wanted: &[u32]) -> Job {
    let mut job = job(inputs, wanted);
    job.start(&mut Effects::default());
    job
}

fn complete(job: &mut Job, index: u32) -> Effects {
    let mut effects = Effects::default();
    if !matches!(job.task(index).state, State::Assigned { .. }) {
        job.assign(index, WORKER);
    }
    job.complete(index, WORKER, 1, Time(0), &mut effects);
    effects
}

#[test]
fn tasks_without_inputs_start() {
    let mut effects = Effects::default();
    job(&[&[], &[], &[0, 1]], &[2]).start(&mut effects);
    effects.ready.sort_unstable();
    assert_eq!(effects.ready, [0, 1]);
}

#[test]
fn the_last_input_makes_a_task_ready_and_its_end_drops_them() {
    let mut job = started(&[&[], &[], &[0, 1]], &[2]);
    assert_eq!(complete(&mut job, 0), Effects::default());
    assert_eq!(complete(&mut job, 1).ready, [2]);
    assert_eq!(complete(&mut job, 2).dropped, [(WORKER, 0), (WORKER, 1)]);
    assert_eq!(job.roots_left, 0);
}

#[test]
fn a_wanted_input_is_kept() {
    let mut job = started(&[&[], &[0]], &[0, 1]);
    complete(&mut job, 0);
    assert_eq!(complete(&mut job, 1), Effects::default());
}

#[test]
fn a_lost_result_is_computed_again_with_all_that_it_needs() {
    let mut job = started(&[&[], &[0], &[1]], &[2]);
    (0..3).for_each(|index| drop(complete(&mut job, index)));
    let mut effects = Effects::default();
    job.lose(2, &mut effects);
    assert_eq!(effects.ready, [0]);
    assert_eq!(job.task(2).state, State::Waiting { missing: 1 });
    assert_eq!(job.roots_left, 1);
}

#[test]
fn a_lost_input_makes_its_ready_reader_wait() {
    let mut job = started(&[&[], &[0]], &[1]);
    complete(&mut job, 0);
    job.task_mut(1).state = State::Ready { since: Time(0) };
    let mut effects = Effects::default();
    job.lose(0, &mut effects);
    assert_eq!((effects.unready, effects.ready), (vec![1], vec![0]));
}

#[test]
fn what_a_reader_has_read_is_not_computed_again() {
    let mut job = started(&[&[], &[0]], &[1]);
    complete(&mut job, 0);
    job.assign(1, WORKER);
    let mut effects = Effects::default();
    job.lose(0, &mut effects);
    assert_eq!(effects, Effects { barren: vec![0], ..Effects::default() });
    // Unless the reader comes back and says that it has not.
    job.requeue(1, &mut effects);
    assert_eq!(effects.ready, [0]);
}

#[test]
fn what_nobody_waits_for_any_more_is_not_computed() {
    let mut job = started(&[&[], &[0], &[1]], &[2]);
    complete(&mut job, 0);
    complete(&mut job, 1);
    job.assign(2, WORKER);
    job.lose(1, &mut Effects::default());
    job.assign(2, WORKER);
    complete(&mut job, 2);
    assert_eq!(job.task(1).state, State::Idle);
    assert_eq!(job.task(0).state, State::Idle);
    assert_eq!((job.counts.done, job.roots_left), (3, 0));
}

/// `maps` tasks, and `reducers` that read a part of each.
fn shuffle(maps: u32, reducers: u32) -> Job {
    let read = |part| vec![InputRange { count: maps, part, ..InputRange::default() }];
    let inputs = (0..maps).map(|_| Vec::new()).chain((0..reducers).map(read)).collect();
    let wanted: Vec<u32> = (maps..maps + reducers).collect();
    let mut job = graph(inputs, &wanted);
    job.start(&mut Effects::default());
    job
}

#[test]
fn the_last_map_frees_all_reducers_and_the_last_reducer_drops_all_maps() {
    let mut job = shuffle(3, 2);
    complete(&mut job, 0);
    complete(&mut job, 2);
    assert_eq!(complete(&mut job, 1).ready, [3, 4]);
    assert_eq!(complete(&mut job, 3).dropped, []);
    assert_eq!(complete(&mut job, 4).dropped, [(WORKER, 0), (WORKER, 1), (WORKER, 2)]);
}

#[test]
fn a_lost_map_runs_again_alone_and_only_unfinished_reducers_wait() {
    let mut job = shuffle(3, 3);
    for map in 0..3 {
        complete(&mut job, map);
    }
    complete(&mut job, 3);
    job.assign(4, WORKER);
    job.task_mut(5).state = State::Ready { since: Time(0) };
    let mut effects = Effects::default();
    job.lose(1, &mut effects);
    assert_eq!((effects.ready, effects.unready), (vec![1], vec![5]));
    assert_eq!(job.task(5).state, State::Waiting { missing: 1 });
    assert!(matches!(job.task(4).state, State::Assigned { .. }), "it may have read all of it");
    assert!(matches!(job.task(3).state, State::Done { .. }));
    assert_eq!(complete(&mut job, 1).ready, [5]);
}

#[test]
fn a_reducer_that_comes_back_has_lost_maps_made_again() {
    let mut job = shuffle(3, 1);
    for map in 0..3 {
        complete(&mut job, map);
    }
    job.assign(3, WORKER);
    let mut effects = Effects::default();
    job.lose(0, &mut effects);
    job.lose(2, &mut effects);
    let nothing = Effects { barren: vec![0, 2], ..Effects::default() };
    assert_eq!(effects, nothing, "the only reader may have read them already");
    job.requeue(3, &mut effects);
    effects.ready.sort_unstable();
    assert_eq!(effects.ready, [0, 2]);
    assert_eq!(job.task(3).state, State::Waiting { missing: 1 });
    complete(&mut job, 0);
    assert_eq!(complete(&mut job, 2).ready, [3]);
}
