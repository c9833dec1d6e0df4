//! Random schedules: whatever happens, the invariants hold, and once the faults stop every job ends.
//!
//! `BOBBIN_SEED=n` runs one seed, `BOBBIN_SEEDS=n` so many.

use super::manager::SimStage;
use super::world::World;
use crate::{Event, JobId, Question};

const STEPS: u64 = 300;
const SEEDS: u64 = 150;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn random_schedules_keep_the_invariants() {
    if let Some(seed) = number("BOBBIN_SEED") {
        return run(seed);
    }
    for seed in 0..number("BOBBIN_SEEDS").unwrap_or(SEEDS) {
        run(seed);
    }
}

fn run(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..STEPS {
        step(&mut world);
    }
    calm_down(&mut world);
    every_job_ends(&mut world);
    the_application_ends(&mut world);
}

/// Something happens.
fn step(world: &mut World) {
    if world.former.is_anybody_away() && world.rng.chance(20) {
        return somebody_returns(world);
    }
    match world.rng.below(100) {
        0..20 => {
            let millis = world.rng.below(500);
            world.pass(millis);
        }
        20..60 => {
            let workers = world.live_workers();
            if let Some(worker) = world.rng.pick(&workers) {
                if world.rng.chance(50) && !world.workers[&worker].adopting.is_empty() {
                    world.answer_adoption(worker, 15);
                } else if world.rng.chance(12) {
                    world.answer_copy(worker, 15);
                } else if world.rng.chance(15) {
                    world.turn_waiting(worker);
                } else {
                    world.answer(worker, 8);
                }
            }
        }
        60..75 => yarn_moves(world),
        75..82 => container_moves(world, 12),
        82..90 => driver_moves(world),
        90..95 => lost_connections_show(world),
        _ => fault(world),
    }
}

fn yarn_moves(world: &mut World) {
    if world.local {
        if world.workers.len() < 3 {
            world.connect_worker(None);
        }
        return;
    }
    world.manager.schedule(&mut world.rng, 40);
    while let Some(event) = world.manager.heartbeat() {
        world.send(event);
        if world.rng.chance(30) {
            break;
        }
    }
}

/// A launched container gets on, with this chance of a fault.
fn container_moves(world: &mut World, faults: u64) {
    let launched = world.manager.in_stage(SimStage::Launched);
    let Some(container) = world.rng.pick(&launched) else { return };
    if !world.rng.chance(faults) {
        return world.connect_worker(Some(container));
    }
    if world.rng.chance(50) {
        world.send(Event::ContainerLaunchFailed { container, why: "sim".into() });
    } else {
        let status = world.rng.pick(&[-1000, -102, -100, 1]).unwrap();
        world.manager.end(container, status);
    }
}

fn driver_moves(world: &mut World) {
    let drivers: Vec<_> = world.drivers.iter().copied().collect();
    let open = |(_, job): &(_, &super::watch::SimJob)| !job.over && !job.released;
    let jobs: Vec<JobId> = world.jobs.iter().filter(open).map(|(&id, _)| id).collect();
    match (world.rng.below(20), world.rng.pick(&drivers), world.rng.pick(&jobs)) {
        (0, Some(driver), _) => world.disconnect_driver(driver),
        (1, _, Some(job)) => world.send(Event::JobCancelled { job }),
        // It may be far from done.
        (2, _, Some(job)) => world.release(job),
        (3, _, _) => speak_of_any_job(world),
        (4..8, _, Some(job)) if world.jobs[&job].finished => world.release(job),
        (4..8, _, Some(job)) => world.cannot_read(job),
        (8..10, _, Some(job)) => world.release_some(job),
        (10, _, Some(job)) => world.cancel_some(job),
        (11..13, Some(driver), _) => world.share(driver),
        (13..15, Some(driver), _) => world.place(driver),
        (8..19, Some(driver), _) if jobs.len() < 4 => world.submit(driver),
        (_, None, _) => world.connect_driver(),
        _ => {}
    }
}

/// A driver's message about a job that it has given up already does nothing.
fn speak_of_any_job(world: &mut World) {
    let given_up: Vec<JobId> =
        world.jobs.iter().filter(|(_, job)| job.over || job.released).map(|(&id, _)| id).collect();
    let Some(job) = world.rng.pick(&given_up) else { return };
    let workers = world.live_workers();
    match world.rng.below(5) {
        3 => world.send(Event::ResultsReleased { job, indexes: vec![0, 7] }),
        4 => world.send(Event::TasksCancelled { job, indexes: vec![1] }),
        0 => world.send(Event::JobCancelled { job }),
        1 => world.send(Event::JobReleased { job }),
        _ => world.send(Event::ResultUnreadable { job, index: 0, workers, why: "sim".into() }),
    }
}

/// Whoever has lost the application master finds the next one.
fn somebody_returns(world: &mut World) {
    match world.rng.below(8) {
        0 => world.show_late_containers(),
        1..4 => world.return_driver(),
        _ => world.return_worker(),
    }
}

fn lost_connections_show(world: &mut World) {
    let dead: Vec<_> = world.workers.iter().filter(|(_, row)| row.gone_pending).map(|(&id, _)| id).collect();
    if let Some(worker) = world.rng.pick(&dead) {
        world.lose_connection(worker);
    }
}

fn fault(world: &mut World) {
    let workers = world.live_workers();
    let nodes: Vec<usize> = (0..world.manager.nodes.len()).collect();
    if world.rng.chance(8) && !world.finished {
        return world.restart();
    }
    match (world.rng.below(12), world.rng.pick(&workers), world.rng.pick(&nodes)) {
        (0..5, Some(worker), _) => {
            let status = world.rng.pick(&[137, -102, -104, -100, 0, 1]).unwrap();
            world.kill_worker(worker, status);
        }
        // A connection breaks while its process lives; its container is not over yet.
        (5, Some(worker), _) => world.lose_connection(worker),
        (6, Some(worker), _) if world.rng.chance(50) => {
            let pressed = world.rng.chance(50);
            world.send(Event::WorkerPressed { worker, pressed, bytes: 1 << 30 });
        }
        (_, _, _) if world.local => {}
        (6, _, Some(node)) if world.manager.nodes[node].alive => world.lose_node(node),
        (6 | 7, _, Some(node)) => {
            world.manager.nodes[node].alive = true;
            let report = world.manager.node_report();
            world.send(report);
        }
        // A container that nobody asked for.
        (8, _, Some(node)) => drop(world.manager.grant(node, None)),
        (9, _, _) => {
            world.manager.forget();
            world.resynced = true;
            world.send(Event::Resync);
        }
        // A worker that connects out of nowhere, or again.
        (10, _, _) => {
            let known: Vec<_> = world.manager.containers.keys().copied().collect();
            if let Some(container) = world.rng.pick(&known).filter(|id| may_reconnect(world, id)) {
                world.connect_worker(Some(container));
            }
        }
        _ => {}
    }
}

fn may_reconnect(world: &World, container: &crate::ContainerId) -> bool {
    world.manager.containers[container].stage == SimStage::Connected
        && !world.workers.values().chain(&world.former.lost).any(|row| row.container == Some(*container))
}

/// The faults stop.
fn calm_down(world: &mut World) {
    for node in &mut world.manager.nodes {
        node.alive = true;
    }
    let report = world.manager.node_report();
    if !world.local {
        world.send(report);
    }
}

/// One round of a world in which everybody does what is expected.
fn fair_round(world: &mut World) {
    world.pass(200);
    let dead: Vec<_> = world.workers.iter().filter(|(_, row)| row.dead).map(|(&id, _)| id).collect();
    for worker in dead {
        world.lose_connection(worker);
    }
    world.show_late_containers();
    world.return_worker();
    world.return_driver();
    if world.local && world.workers.is_empty() {
        world.connect_worker(None);
    }
    world.manager.schedule(&mut world.rng, 100);
    while let Some(event) = world.manager.heartbeat() {
        world.send(event);
    }
    for container in world.manager.in_stage(SimStage::Launched) {
        world.connect_worker(Some(container));
    }
    for worker in world.live_workers() {
        world.answer(worker, 0);
        world.answer(worker, 0);
        for _ in 0..20 {
            world.answer_adoption(worker, 0);
        }
        for _ in 0..4 {
            world.answer_copy(worker, 0);
        }
    }
}

fn every_job_ends(world: &mut World) {
    for _ in 0..500 {
        if world.former.drivers.is_empty()
            && world.jobs.values().all(|job| job.over || job.released || job.finished && all_there(job))
        {
            return;
        }
        fair_round(world);
    }
    let is_open = |job: &super::watch::SimJob| !job.over && !job.released && !job.finished;
    let open: Vec<_> = world.jobs.iter().filter(|(_, job)| is_open(job)).map(|(&id, _)| id).collect();
    let why = world.core.waiting_for(crate::Time(world.now));
    panic!("every_job_ends: {open:?} do not; {why}");
}

fn all_there(job: &super::watch::SimJob) -> bool {
    let is_settled =
        |index: &u32| job.announced.contains_key(index) || job.failed.contains(index) || job.given_up.contains(index);
    job.graph.wanted.iter().all(is_settled)
}

fn the_application_ends(world: &mut World) {
    let is_open = |job: &super::watch::SimJob| !job.over && !job.released;
    let finished: Vec<JobId> = world.jobs.iter().filter(|(_, job)| is_open(job)).map(|(&id, _)| id).collect();
    for job in finished {
        world.release(job);
    }
    for name in world.datasets.clone() {
        let question = Question::Unpublish { name };
        world.send(Event::Asked { driver: crate::DriverId(0), request: 0, question });
    }
    for (driver, job, index) in std::mem::take(&mut world.shared) {
        world.send(Event::SharesReleased { driver, job, indexes: vec![index] });
    }
    for _ in 0..500 {
        if world.jobs.values().any(|job| !job.over) {
            fair_round(world);
        }
    }
    let left: Vec<_> = world.jobs.iter().filter(|(_, job)| !job.over).map(|(&id, _)| id).collect();
    assert!(left.is_empty(), "released_jobs_are_forgotten: {left:?}");
    let undone = world.undone_errands();
    assert!(undone.len() <= world.failed_errands, "errands_are_done_or_noted: {undone:?}");
    for driver in world.drivers.clone() {
        world.disconnect_driver(driver);
    }
    for round in 0..400 {
        if !world.finished {
            fair_round(world);
        }
        let keeps = |row: &&super::world::SimWorker| !row.dead && !row.former.is_empty();
        let kept = world.workers.values().filter(keeps).count();
        assert!(round < 100 || kept == 0, "what_nobody_asks_for_is_dropped: {kept} workers keep something");
    }
    assert!(world.finished, "an_idle_application_ends");
    while let Some(event) = world.manager.heartbeat() {
        world.send(event);
    }
    let left: Vec<_> =
        world.manager.containers.iter().filter(|(_, row)| row.stage != SimStage::Over).map(|(&id, _)| id).collect();
    assert!(left.is_empty(), "nothing_outstanding_after_the_end: {left:?}");
    let working: Vec<_> = world.live_workers();
    assert!(working.is_empty(), "nothing_outstanding_after_the_end: {working:?}");
}
