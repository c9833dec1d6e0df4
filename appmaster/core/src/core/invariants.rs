//! What is true of the core between any two events, whatever happened.

use std::collections::{BTreeMap, BTreeSet};

use super::Core;
use crate::classes::LineId;
use crate::fleet::Stage;
use crate::ids::{DriverId, HostId, TaskId, WorkerId};
use crate::job::{Holder, Job, State};
use crate::ready::ReadyTasks;
use crate::tempo::MOST_AHEAD;
use crate::turns::Lane;
use crate::worker::Worker;

/// Check every invariant; a failure names it.
pub fn check(core: &Core) {
    for job in core.jobs.iter() {
        missing_counts_inputs(job);
        groups_count_members_and_readers(job);
        results_are_kept_for_their_readers(job);
        counters_count(job);
        only_what_is_needless_is_skipped(job);
        nobody_waits_for_the_failed(job);
        what_is_sought_may_be_found(core, job);
    }
    claims_are_of_live_workers(core);
    imports_mirror_their_sources(core);
    released_jobs_keep_what_is_read(core);
    holders_are_there(core);
    ready_lists_list_ready_tasks(core);
    classes_list_ready_tasks(core);
    workers_are_not_overdrawn(core);
    core.check_order();
    assignments_agree(core);
    workers_are_listed(core);
    nobody_waits_beside_near_tasks(core);
    holds_count(core);
    placements_may_come_about(core);
    results_have_live_holders(core);
    containers_are_counted(core);
    threads_add_up(core);
    delayed_tasks_wake(core);
    nothing_is_left_after_the_end(core);
}

fn is_done(job: &Job, index: u32) -> bool {
    matches!(job.task(index).state, State::Done { .. })
}

fn is_skipped(job: &Job, index: u32) -> bool {
    job.task(index).state == State::Skipped
}

fn is_sought(job: &Job, index: u32) -> bool {
    matches!(job.task(index).state, State::Sought { .. })
}

/// Will it run, or does it?
fn is_open(job: &Job, index: u32) -> bool {
    match job.task(index).state {
        State::Waiting { .. } | State::Ready { .. } | State::Delayed { .. } | State::Assigned { .. } => true,
        State::Idle | State::Sought { .. } | State::Done { .. } | State::Skipped | State::Away | State::Failed => false,
    }
}

fn missing_counts_inputs(job: &Job) {
    for index in 0..job.len() {
        let lacking = job.groups.reads(index).iter().filter(|read| job.groups.row(read.group).missing > 0);
        let really = lacking.clone().count() as u32;
        match job.task(index).state {
            State::Waiting { missing } => {
                assert!(missing > 0, "missing_counts_inputs: {} waits for nothing", job.task_id(index));
                assert_eq!(missing, really, "missing_counts_inputs: {}", job.task_id(index));
                for input in lacking.flat_map(|read| job.groups.row(read.group).members()) {
                    let idle = job.task(input).state == State::Idle;
                    assert!(!idle, "missing_counts_inputs: {} waits for an idle task", job.task_id(index));
                }
            }
            State::Ready { .. } | State::Delayed { .. } => {
                assert_eq!(really, 0, "missing_counts_inputs: {} is ready", job.task_id(index));
            }
            State::Idle
            | State::Sought { .. }
            | State::Assigned { .. }
            | State::Done { .. }
            | State::Skipped
            | State::Away
            | State::Failed => {}
        }
    }
}

fn groups_count_members_and_readers(job: &Job) {
    for (number, group) in job.groups.iter() {
        let is_missing = |&member: &u32| !is_done(job, member) && !is_skipped(job, member);
        let missing = group.members().filter(is_missing).count() as u32;
        assert_eq!(group.missing, missing, "groups_count_members_and_readers: missing of group {number}");
        let readers = job.groups.readers(number);
        let open = readers.iter().filter(|&&reader| is_open(job, reader)).count() as u32;
        assert_eq!(group.uses, open, "groups_count_members_and_readers: uses of group {number}");
        let is_assigned = |reader: u32| matches!(job.task(reader).state, State::Assigned { .. });
        let assigned = readers.iter().filter(|&&reader| is_assigned(reader)).count() as u32;
        assert_eq!(group.assigned, assigned, "groups_count_members_and_readers: assigned of group {number}");
        if let Some(holders) = &group.holders {
            let really: Vec<_> = group.members().map(|member| job.result(member).map(|(worker, _)| worker)).collect();
            assert_eq!(holders[..], really[..], "groups_count_members_and_readers: holders of group {number}");
        }
    }
}

/// The naive way: for each task, everybody who reads its result.
fn results_are_kept_for_their_readers(job: &Job) {
    let mut used = vec![BTreeSet::new(); job.tasks.len()];
    for reader in (0..job.len()).filter(|&reader| is_open(job, reader)) {
        for read in job.groups.reads(reader) {
            for member in job.groups.row(read.group).members() {
                used[member as usize].insert(read.group);
            }
        }
    }
    for index in 0..job.tasks.len() as u32 {
        let (task, groups) = (job.task(index), used[index as usize].len() as u32);
        assert_eq!(task.uses, groups, "results_are_kept_for_their_readers: {}", job.task_id(index));
        let needless = is_done(job, index) && groups == 0 && !task.wanted;
        assert!(!needless, "results_are_kept_for_their_readers: nobody reads {}", job.task_id(index));
    }
}

fn counters_count(job: &Job) {
    let count = |test: &dyn Fn(u32) -> bool| (0..job.len()).filter(|&index| test(index)).count() as u32;
    let running = count(&|index| matches!(job.task(index).state, State::Assigned { .. }));
    assert_eq!(job.counts.running, running, "counters_count: running");
    assert_eq!(job.counts.skipped, count(&|index| is_skipped(job, index)), "counters_count: skipped");
    assert_eq!(job.counts.done, count(&|index| job.task(index).done), "counters_count: done");
    let left = count(&|index| job.task(index).root && !job.task(index).done);
    assert_eq!(job.roots_left, left, "counters_count: roots left");
    for index in 0..job.len() {
        let task = job.task(index);
        let given_up = task.root && !task.done && !is_open(job, index) && !is_sought(job, index);
        assert!(!given_up, "counters_count: root {} is neither done nor open", job.task_id(index));
    }
}

/// Only the end of a set is skipped, and nothing of it runs any more.
fn only_what_is_needless_is_skipped(job: &Job) {
    for index in 0..job.tasks.len() as u32 {
        let (task, needless) = (job.task_id(index), job.limits.is_needless(index));
        if is_skipped(job, index) {
            assert!(needless, "only_what_is_needless_is_skipped: {task} is not");
            assert!(job.task(index).done, "only_what_is_needless_is_skipped: {task} keeps its job from ending");
        } else if needless {
            assert!(is_done(job, index), "only_what_is_needless_is_skipped: {task} is not done");
        }
    }
}

/// Failures are known, counted, and shared by whoever waits for them.
fn nobody_waits_for_the_failed(job: &Job) {
    for index in 0..job.tasks.len() as u32 {
        let failed = job.task(index).state == State::Failed;
        assert_eq!(failed, job.failures.contains_key(&index), "nobody_waits_for_the_failed: {}", job.task_id(index));
        assert!(!failed || job.independent, "nobody_waits_for_the_failed: {} failed alone", job.task_id(index));
        let waits =
            matches!(job.task(index).state, State::Waiting { .. } | State::Ready { .. } | State::Delayed { .. });
        let inherits = waits && job.inherited_failure(index).is_some();
        assert!(!inherits, "nobody_waits_for_the_failed: {} does", job.task_id(index));
    }
    for (number, group) in job.groups.iter() {
        let failed = group.members().filter(|&member| job.task(member).state == State::Failed).count() as u32;
        assert_eq!(group.failed, failed, "nobody_waits_for_the_failed: group {number}");
    }
}

/// Whoever was asked for a result is there, and nobody else is waited for in vain.
fn what_is_sought_may_be_found(core: &Core, job: &Job) {
    for index in 0..job.tasks.len() as u32 {
        let State::Sought { asked } = job.task(index).state else { continue };
        let (task, seeking) = (job.task_id(index), job.formerly.as_ref().is_some_and(|formerly| formerly.seeking));
        match asked {
            Some(worker) => {
                assert!(core.workers.get(worker).is_some(), "what_is_sought_may_be_found: {task} on {worker}")
            }
            None => assert!(seeking, "what_is_sought_may_be_found: nobody is expected to have {task}"),
        }
    }
}

fn claims_are_of_live_workers(core: &Core) {
    let claimed = core.jobs.iter().filter_map(|job| job.formerly.as_ref()).flat_map(|formerly| formerly.claimants());
    for worker in core.former.claimants().chain(claimed) {
        assert!(core.workers.get(worker).is_some(), "claims_are_of_live_workers: {worker} is gone");
    }
}

fn imports_mirror_their_sources(core: &Core) {
    for job in core.jobs.iter() {
        for import in job.imports.iter() {
            let source = core.jobs.get(import.job);
            let source = source.unwrap_or_else(|| panic!("imports_mirror_their_sources: {} is gone", import.job));
            assert!(source.dependents.contains(&job.id), "imports_mirror_their_sources: {} is unknown", job.id);
            for task in import.tasks.clone() {
                let (row, name) = (import.row(task), source.task_id(task));
                assert_eq!(job.task_id(row), name, "imports_mirror_their_sources: numbers");
                assert_eq!(job.result(row), source.result(task), "imports_mirror_their_sources: {name}");
                let (here, there) = (job.task(row).state == State::Failed, source.task(task).state == State::Failed);
                assert_eq!(here, there, "imports_mirror_their_sources: failure of {name}");
                let needed = job.task(row).uses > 0;
                assert!(!needed || source.task(task).wanted, "imports_mirror_their_sources: {name} is not kept");
            }
        }
        for &dependent in &job.dependents {
            let reads = core.jobs.get(dependent).is_some_and(|other| other.imports.of(job.id).is_some());
            assert!(reads, "imports_mirror_their_sources: {dependent} does not read {}", job.id);
        }
    }
}

fn released_jobs_keep_what_is_read(core: &Core) {
    for job in core.jobs.iter() {
        let alone = job.released && job.dependents.is_empty() && job.holders.is_empty();
        assert!(!alone, "released_jobs_keep_what_is_read: {} lives for nobody", job.id);
        let is_released = |&index: &u32| job.released || job.task(index).released;
        let is_kept = |&index: &u32| job.task(index).wanted || job.task(index).root;
        for index in (0..job.len()).filter(is_released).filter(is_kept) {
            let read = job.dependents.iter().filter_map(|&other| core.jobs.get(other));
            let read = job.is_held(index) || read.into_iter().any(|other| other.needs_import(job.id, index));
            assert!(read, "released_jobs_keep_what_is_read: {} is kept for nobody", job.task_id(index));
        }
    }
}

/// Whoever holds a result is there, and what is held is kept.
fn holders_are_there(core: &Core) {
    core.commons.check();
    for job in core.jobs.iter() {
        for (&index, holders) in &job.holders {
            assert!(!holders.is_empty(), "holders_are_there: nobody holds {}", job.task_id(index));
            assert!(job.task(index).wanted, "holders_are_there: {} is not kept", job.task_id(index));
            for holder in holders {
                let there = match holder {
                    Holder::Driver(driver) => core.drivers.contains(driver),
                    Holder::Dataset(number) => core.datasets.holds(*number, job.id, index),
                    Holder::Errand => !matches!(job.task(index).state, State::Done { .. } | State::Failed),
                };
                assert!(there, "holders_are_there: {holder:?} of {}", job.task_id(index));
            }
        }
    }
}

/// Results are on workers that are there, and counted; so are their copies, on other ones.
fn results_have_live_holders(core: &Core) {
    let mut results: BTreeMap<WorkerId, u32> = BTreeMap::new();
    for job in core.jobs.iter() {
        for (holder, _) in (0..job.len()).filter_map(|index| job.result(index)) {
            *results.entry(holder).or_default() += 1;
        }
    }
    for (task, row) in core.copies.iter() {
        let (job, index) = core.jobs.find(task).expect("results_have_live_holders: of no job");
        let holder = job.result(index).map(|(holder, _)| holder);
        assert!(holder.is_some() || row.others.is_empty(), "results_have_live_holders: {task} is not there");
        for &worker in &row.others {
            assert_ne!(Some(worker), holder, "results_have_live_holders: {task} twice on {worker}");
            *results.entry(worker).or_default() += 1;
        }
        for (worker, (_, copy)) in &row.coming {
            assert!(!row.others.contains(worker), "results_have_live_holders: {worker} fetches what it has");
            let under_way = core.copies.flights().any(|flight| flight == (*copy, *worker, task));
            assert!(under_way, "results_have_live_holders: nobody fetches {task}");
        }
    }
    for (worker, row) in core.workers.iter() {
        let count = results.remove(&worker).unwrap_or_default();
        assert_eq!(row.results, count, "results_have_live_holders: results of {worker}");
        let listed: BTreeSet<TaskId> = row.kept.iter().copied().collect();
        let known = listed.into_iter().filter(|&task| core.is_kept_on(task, worker)).count();
        assert_eq!(known, count as usize, "results_have_live_holders: what {worker} is known to keep");
    }
    assert!(results.is_empty(), "results_have_live_holders: on strangers: {results:?}");
}

/// Who waits for copies waits for results that are there or may come.
fn placements_may_come_about(core: &Core) {
    for placement in &core.placements.waiting {
        for &task in &placement.tasks {
            let state = core.jobs.find(task).map(|(job, index)| job.task(index).state);
            let may_come = state.is_some_and(|state| !matches!(state, State::Failed | State::Skipped | State::Idle));
            assert!(may_come, "placements_may_come_about: {task} is {state:?}");
            assert!(core.copies.get(task).is_some(), "placements_may_come_about: nobody copies {task}");
        }
        let gone = placement.workers.iter().find(|&&worker| core.workers.get(worker).is_none());
        assert!(gone.is_none(), "placements_may_come_about: {gone:?} is gone");
    }
}

fn ready_lists_list_ready_tasks(core: &Core) {
    let usual = |job: &'_ Job| job.ready_tasks().filter(|&index| job.class_of(index).is_none()).collect::<Vec<_>>();
    let lists =
        |job: &'_ Job| usual(job).into_iter().map(|index| (job.driver, Lane::of(job, index))).collect::<Vec<_>>();
    let waiting: BTreeSet<(DriverId, Lane)> = core.jobs.iter().flat_map(lists).collect();
    let listed = core.ready.iter().filter(|(_, lists)| !lists.is_empty()).map(|(whose, _)| whose);
    assert_eq!(listed.collect::<BTreeSet<_>>(), waiting, "ready_lists_list_ready_tasks: drivers");
    let mut count = 0;
    for (whose, lists) in core.ready.iter() {
        count += lists.len();
        lists_list_ready_tasks_of(core, whose, lists);
    }
    assert_eq!(core.ready.len(), count, "ready_lists_list_ready_tasks: count of all");
}

fn lists_list_ready_tasks_of(core: &Core, (driver, lane): (DriverId, Lane), lists: &ReadyTasks) {
    let mut at: BTreeMap<HostId, BTreeSet<TaskId>> = BTreeMap::new();
    let mut free = BTreeSet::new();
    let mut count = 0;
    for job in core.jobs.iter().filter(|job| job.driver == driver) {
        let listed = |&index: &u32| job.class_of(index).is_none() && Lane::of(job, index) == lane;
        for index in job.ready_tasks().filter(listed) {
            count += 1;
            let places = job.places_now(index);
            for &host in places {
                at.entry(host).or_default().insert(job.task_id(index));
            }
            if !places.iter().any(|&host| core.hosts.is_held(host)) {
                free.insert(job.task_id(index));
            }
        }
    }
    assert_eq!(lists.len(), count, "ready_lists_list_ready_tasks: count");
    let listed: Vec<TaskId> = lists.free(&core.jobs, &core.hosts).collect();
    assert!(listed.iter().eq(&free), "ready_lists_list_ready_tasks: free");
    let none = lists.is_none_free(&core.jobs, &core.hosts);
    assert_eq!(none, free.is_empty(), "ready_lists_list_ready_tasks: none is free");
    for (host, row) in core.hosts.iter() {
        let expected = at.remove(&host).unwrap_or_default();
        let at = lists.at(host);
        assert!(at.iter().eq(expected.iter().copied()), "ready_lists_list_ready_tasks: {}", row.name);
        assert!(at.rev().eq(expected.iter().rev().copied()), "ready_lists_list_ready_tasks: {}, backwards", row.name);
        assert_eq!(at.len(), expected.len(), "ready_lists_list_ready_tasks: count of {}", row.name);
        let is_near =
            |&task: &TaskId| core.jobs.places_now(task).iter().any(|&place| core.hosts.same_rack(place, host));
        let near = lists.free_near(host, &core.jobs, &core.hosts);
        let expected = free.iter().copied().filter(is_near);
        assert!(near.eq(expected), "ready_lists_list_ready_tasks: near {}", row.name);
    }
    lists.check(&core.jobs, &core.hosts);
    assert!(!lists.is_doubtful() || core.is_finished(), "ready_lists_list_ready_tasks: heads are settled");
}

fn classes_list_ready_tasks(core: &Core) {
    let mut listed = BTreeMap::new();
    for job in core.jobs.iter() {
        for index in job.ready_tasks() {
            if let Some(class) = job.class_of(index) {
                listed.entry(class).or_insert_with(BTreeSet::new).insert(job.task_id(index));
                let line = LineId { class, driver: job.driver };
                let there = core.classes.in_line(line).any(|task| task == job.task_id(index));
                assert!(there, "classes_list_ready_tasks: {} in its line", job.task_id(index));
                for &host in job.places_now(index) {
                    let there = core.classes.at(line, host).any(|task| task == job.task_id(index));
                    assert!(there, "classes_list_ready_tasks: {} at {host}", job.task_id(index));
                }
            }
        }
    }
    let active: BTreeSet<_> = core.classes.active().collect();
    assert_eq!(active, listed.keys().copied().collect(), "classes_list_ready_tasks: active");
    assert_eq!(
        core.classes.len(),
        listed.values().map(BTreeSet::len).sum::<usize>(),
        "classes_list_ready_tasks: count"
    );
    for (class, tasks) in &listed {
        let there: BTreeSet<TaskId> = core.classes.tasks(*class).collect();
        assert_eq!(&there, tasks, "classes_list_ready_tasks: {class:?}");
    }
}

/// What runs of classes keeps to what they ask for.
fn workers_are_not_overdrawn(core: &Core) {
    for (worker, row) in core.workers.iter() {
        for (number, (name, has)) in core.config.resources.iter().enumerate() {
            let of_one = |takes: &crate::classes::Takes| {
                takes.iter().filter(|(resource, _)| *resource == number).map(|(_, amount)| amount).sum::<u64>()
            };
            let really: u64 = row.assigned.iter().filter_map(|assigned| assigned.takes.as_ref()).map(of_one).sum();
            assert_eq!(row.in_use(number), really, "workers_are_not_overdrawn: {name} of {worker} is counted wrong");
            assert!(really <= *has, "workers_are_not_overdrawn: {really} of {name} taken of {worker}");
        }
        for assigned in &row.assigned {
            let Some((job, index)) = core.jobs.find(assigned.task) else { continue };
            let allowed = job.class_of(index).is_none_or(|class| core.classes.get(class).may_run_on(row.host));
            assert!(allowed, "workers_are_not_overdrawn: {} must not run on {worker}", assigned.task);
        }
    }
}

fn assignments_agree(core: &Core) {
    let mut seen = BTreeSet::new();
    for (worker, row) in core.workers.iter() {
        // What it was sent when it was faster, it still has.
        let ahead = if core.config.prefetch == 0 { 0 } else { core.config.prefetch.max(MOST_AHEAD) };
        let most = row.threads as usize + ahead as usize;
        let at_once = row.assigned.iter().filter(|assigned| !assigned.has_waited).count();
        assert!(at_once <= most, "assignments_agree: {worker} has too many tasks");
        for assigned in &row.assigned {
            let Some((job, index)) = core.jobs.find(assigned.task) else {
                assert!(assigned.cancelled, "assignments_agree: {} of a forgotten job runs", assigned.task);
                continue;
            };
            if is_skipped(job, index) || job.task(index).state == State::Failed {
                assert!(assigned.cancelled, "assignments_agree: {} is skipped or failed and runs", assigned.task);
                continue;
            }
            let state = job.task(index).state;
            assert!(assigned.attempt <= job.task(index).attempt, "assignments_agree: {}", assigned.task);
            if core.twins.of(assigned.task) == Some(worker) && !assigned.vain {
                let other = matches!(state, State::Assigned { worker: first } if first != worker);
                assert!(other || assigned.cancelled, "assignments_agree: {} has no first attempt", assigned.task);
            } else if assigned.vain || state != (State::Assigned { worker }) {
                assert!(assigned.cancelled, "assignments_agree: {} runs on {worker} for nobody", assigned.task);
            } else {
                assert!(seen.insert(assigned.task), "assignments_agree: {} is on {worker} twice", assigned.task);
            }
        }
    }
    for (task, worker) in core.twins.iter() {
        let row = core.workers.get(worker).and_then(|row| row.assigned.iter().find(|row| row.task == task));
        assert!(row.is_some(), "assignments_agree: the second attempt of {task} is not on {worker}");
    }
    let running: u32 = core.jobs.iter().map(|job| job.counts.running).sum();
    assert_eq!(running as usize, seen.len(), "assignments_agree: a task is on no worker");
}

fn workers_are_listed(core: &Core) {
    let which = |test: &dyn Fn(&Worker) -> bool| -> BTreeSet<WorkerId> {
        core.workers.iter().filter(|(_, row)| test(row)).map(|(worker, _)| worker).collect()
    };
    assert_eq!(
        core.workers.open().collect::<BTreeSet<_>>(),
        which(&|row| row.room(row.tempo.ahead(core.config.prefetch)) > 0),
        "workers_are_listed: open"
    );
    assert_eq!(
        core.workers.queuing().collect::<BTreeSet<_>>(),
        which(&|row| row.queued().next().is_some()),
        "workers_are_listed: queuing"
    );
    let all = core.workers.iter().map(|(_, row)| row.assigned.len()).sum::<usize>();
    assert_eq!(core.workers.assigned(), all, "workers_are_listed: tasks");
    let mut of_drivers: BTreeMap<DriverId, u32> = BTreeMap::new();
    for assigned in core.workers.iter().flat_map(|(_, row)| &row.assigned) {
        *of_drivers.entry(assigned.driver).or_default() += 1;
    }
    for &driver in core.drivers.iter().chain(of_drivers.keys()) {
        let really = of_drivers.get(&driver).copied().unwrap_or_default();
        assert_eq!(core.workers.share_of(driver).tasks, really, "workers_are_listed: tasks of {driver}");
    }
    for (worker, row) in core.workers.iter() {
        assert_eq!(core.workers.is_idle(worker), row.room(0) > 0, "workers_are_listed: {worker} is idle");
        assert!(core.workers.at(row.host).contains(&worker), "workers_are_listed: {worker} on its host");
    }
    for &(worker, task) in &core.taken_back {
        let has = core.workers.get(worker).is_some_and(|row| row.assigned.iter().any(|row| row.task == task));
        assert!(has, "workers_are_listed: {task} is not on {worker} any more");
    }
}

/// Whoever has room has taken what is near, or what is free for everybody; unless its queue is kept for others.
fn nobody_waits_beside_near_tasks(core: &Core) {
    let is_kept = |worker: &WorkerId| core.held_back.contains(worker) && !core.workers.is_idle(*worker);
    for worker in core.workers.open().filter(|worker| !is_kept(worker)) {
        let near = core.workers.get(worker).and_then(|row| core.pick_near(worker, row.host));
        assert_eq!(near, None, "nobody_waits_beside_near_tasks: {worker} has room");
    }
}

fn holds_count(core: &Core) {
    let mut held = BTreeSet::new();
    held.extend(core.fleet.iter().filter(|(_, row)| row.is_live()).map(|(_, row)| row.host));
    held.extend(core.fleet.requests.iter().filter_map(|(_, request)| request.insists_on()));
    held.extend(core.workers.iter().filter(|(_, row)| row.container.is_none()).map(|(_, row)| row.host));
    if !core.is_finished() {
        assert_eq!(core.hosts.held(), &held, "holds_count");
    }
}

fn containers_are_counted(core: &Core) {
    let live = core.fleet.iter().filter(|(_, row)| row.is_live()).count() as u32;
    assert_eq!(core.fleet.live(), live, "containers_are_counted: live");
    let starting =
        core.fleet.iter().filter(|(_, row)| matches!(row.stage, Stage::Starting { .. } | Stage::Kept { .. })).count()
            as u32;
    assert_eq!(core.fleet.starting(), starting, "containers_are_counted: starting");
}

fn threads_add_up(core: &Core) {
    if core.is_finished() {
        return;
    }
    for (host, row) in core.hosts.iter() {
        let workers = core.workers.iter().map(|(_, worker)| worker).filter(|worker| worker.host == host);
        assert_eq!(row.threads, workers.map(|worker| worker.threads).sum::<u32>(), "threads_add_up: {}", row.name);
    }
}

fn delayed_tasks_wake(core: &Core) {
    for job in core.jobs.iter() {
        for index in 0..job.len() {
            if let State::Delayed { until } = job.task(index).state {
                let entry = (until, job.task_id(index));
                assert!(core.delayed.contains(&entry), "delayed_tasks_wake: {}", job.task_id(index));
            }
        }
    }
}

fn nothing_is_left_after_the_end(core: &Core) {
    if core.is_finished() {
        assert!(core.jobs.is_empty(), "nothing_is_left_after_the_end: jobs");
        assert!(core.ready_count() == 0, "nothing_is_left_after_the_end: ready tasks");
        assert!(core.workers.is_empty(), "nothing_is_left_after_the_end: workers");
        assert!(core.fleet.iter().next().is_none(), "nothing_is_left_after_the_end: containers");
        assert_eq!(core.fleet.requests.len(), 0, "nothing_is_left_after_the_end: requests");
    }
}
