//! The application master dies, and another one takes its place, which knows nothing. Containers in which processes run stay;
//! workers go on with what they have until they find it, and keep their results; the driver submits again what it still wants.

use std::collections::BTreeMap;

use bobbin_core::{Event, FormerJob, FormerResults, TaskId, WorkerId};

use super::clock::{Happening, Letter, Micros, SECOND};
use super::manager::SIZE;
use super::world::{DRIVER, Presence, TaskRow, World};

/// YARN needs so long for another attempt, and up to twice as long.
const NEXT_ATTEMPT: Micros = 3 * SECOND;
/// So long, at most, until somebody who looks for the application master looks again.
const LOOKS_AGAIN: Micros = 2 * SECOND;

impl World {
    /// The application master's process is killed.
    pub(super) fn master_dies(&mut self) {
        if self.presence == Presence::Away || self.ended {
            return;
        }
        self.tally.faults += 1;
        self.presence = Presence::Away;
        self.metered.restart(self.config.clone());
        self.asked.clear();
        self.released.clear();
        self.tasks.fill(TaskRow::default());
        self.others.clear();
        for worker in &mut self.workers {
            (worker.closed, worker.known, worker.seeks) = (true, false, worker.alive);
            worker.given.clear();
            crate::Counting::inside(|| worker.letters.clear());
        }
        let (workers, processes) = (&self.workers, &self.processes);
        self.manager.master_dies(|container| processes.get(&container).is_some_and(|&worker| workers[worker].alive));
        for job in self.jobs.iter_mut().filter(|job| job.accepted && !job.released) {
            job.former = Some(FormerJob { master: self.master, first: job.first });
            (job.accepted, job.finished) = (false, false);
            job.announced.clear();
            job.complained.clear();
        }
        let delay = NEXT_ATTEMPT + self.random.below(NEXT_ATTEMPT);
        self.queue.after(delay, Happening::MasterStarts);
    }

    /// The next one registers. Everybody finds it, in any order.
    pub(super) fn master_starts(&mut self) {
        self.master += 1;
        self.presence = Presence::WithoutDriver;
        let report = self.manager.report(0..self.hosts.len());
        self.tell_core(report);
        let containers = self.manager.kept();
        self.tell_core(Event::ContainersKept { containers });
        self.tell_core(Event::Registered { maximum: SIZE });
        let delay = self.random.below(LOOKS_AGAIN);
        self.queue.after(delay, Happening::DriverReturns);
        for worker in 0..self.workers.len() {
            if self.workers[worker].seeks {
                let delay = self.random.below(LOOKS_AGAIN);
                self.queue.after(delay, Happening::WorkerReturns(worker));
            }
        }
    }

    /// The driver submits again what it still wants, in the order in which it had submitted it.
    pub(super) fn driver_returns(&mut self) {
        // It may have died, too.
        if self.presence != Presence::WithoutDriver {
            return;
        }
        self.presence = Presence::Whole;
        self.tell_core(Event::DriverConnected { driver: DRIVER });
        for number in 0..self.jobs.len() {
            let job = &self.jobs[number];
            if job.former.is_some() && !job.released && !job.accepted {
                self.submit(number);
            }
        }
    }

    /// A worker's tasks end; what they have left by now is what there is.
    pub(super) fn worker_returns(&mut self, worker: usize) {
        if !self.workers[worker].seeks || !self.workers[worker].alive || self.presence == Presence::Away {
            return;
        }
        let (container, host) = (self.workers[worker].container, self.workers[worker].host);
        if let Some(later) = self.stuck_until(host) {
            return self.queue.at(later, Happening::WorkerReturns(worker));
        }
        let row = &mut self.workers[worker];
        (row.seeks, row.closed) = (false, true);
        let (mut former, master) = (row.former.clone(), row.master);
        former.extend(row.results.iter().map(|(&task, &held)| ((master, task), held)));
        self.forget_process(worker);
        let worker = self.connect(container, host);
        let mut claims: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        former.keys().for_each(|&(master, task)| claims.entry(master).or_default().push(task.0));
        let results: Vec<_> = claims.into_iter().map(|(master, tasks)| FormerResults { master, tasks }).collect();
        self.tally.kept += former.values().map(|held| held.bytes).sum::<u64>();
        self.workers[worker].former = former;
        if !results.is_empty() {
            self.say(worker, Event::ResultsClaimed { worker: WorkerId(worker as u32 + 1), results });
        }
    }

    /// A worker is asked to keep old results as new ones: only what it has, and only as what it is.
    pub(super) fn adopt(&mut self, worker: usize, master: u32, results: Vec<(u32, TaskId)>) {
        for &(former, task) in &results {
            let (meant, found) = (self.job_with(master, TaskId(former)), self.job_with(self.master, task));
            assert_eq!(found, meant, "adopted_results_are_of_the_same_task: {master}:{former} as {task}");
            let row = &self.workers[worker];
            let claimed = !row.alive || row.former.contains_key(&(master, TaskId(former)));
            assert!(claimed, "adopted_results_were_claimed: {master}:{former} on worker {worker}");
        }
        self.post(worker, Letter::Adopt { master, results });
    }

    /// A worker keeps an old result as that of a task, if it has it.
    pub(super) fn keep_former(&mut self, worker: usize, former: (u32, TaskId), task: TaskId) {
        let held = self.workers[worker].former.remove(&former);
        self.tally.kept -= held.map_or(0, |held| held.bytes);
        let (job, index) = self.job_of(worker, task);
        let rows = self.jobs[job].plan.rows(index);
        let found = held.map(|held| (held.bytes, rows));
        held.into_iter().for_each(|held| self.keep(worker, task, held));
        self.say(worker, Event::ResultAdopted { worker: WorkerId(worker as u32 + 1), task, found });
    }
}
