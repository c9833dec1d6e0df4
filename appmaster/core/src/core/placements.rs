//! What drivers want of places: several copies of a result, results spread evenly, workers gone. Each is answered when it is
//! so; how it comes to be is in `copying` and `leavers`.

use std::collections::{BTreeMap, BTreeSet};

use crate::commons::Asker;
use crate::ids::{DriverId, JobId, TaskId, WorkerId};
use crate::job::State;
use crate::questions::{Answer, Placing};

use super::Core;

/// Drivers that wait until results are where they want them.
#[derive(Debug, Default)]
pub(super) struct Placements {
    pub(super) waiting: Vec<Placement>,
}

#[derive(Debug)]
pub(super) struct Placement {
    asker: Asker,
    /// What is not there yet.
    pub(super) tasks: BTreeSet<TaskId>,
    /// Workers that it waits to see gone.
    pub(super) workers: BTreeSet<WorkerId>,
}

impl Placement {
    fn is_met(&self) -> bool {
        self.tasks.is_empty() && self.workers.is_empty()
    }
}

impl Core {
    /// A driver asks where results are, or wants them elsewhere.
    pub(super) fn place(&mut self, asker: Asker, placing: Placing) {
        match placing {
            Placing::Replicate { results, copies } => self.replicate(asker, &results, copies),
            Placing::Holders { results } => {
                let answer = self.holders_of(asker, &results);
                self.answer(vec![(asker, answer)]);
            }
            Placing::Rebalance => self.rebalance(asker),
            Placing::Retire { workers } => self.retire(asker, &workers),
        }
    }

    /// A driver wants so many workers to have each of these results.
    fn replicate(&mut self, asker: Asker, results: &[(JobId, u32)], copies: u32) {
        let mut tasks = match self.results_of_driver(asker, results) {
            Ok(tasks) => tasks,
            Err(refusal) => return self.answer(vec![(asker, refusal)]),
        };
        let state = |core: &Core, task| core.jobs.find(task).map(|(job, index)| job.task(index).state);
        if let Some(failed) = tasks.iter().copied().find(|&task| state(self, task) == Some(State::Failed)) {
            let name = self.jobs.find(failed).map(|(job, index)| job.task_name(index)).unwrap_or_default();
            return self.answer(vec![(asker, Answer::Refused(nothing_to_copy(&name)))]);
        }
        tasks.retain(|&task| state(self, task) != Some(State::Skipped));
        for &task in &tasks {
            self.copies.row(task).wanted = copies;
        }
        self.wait_for_placement(asker, tasks, BTreeSet::new());
    }

    /// The tasks of results that a driver has.
    fn results_of_driver(&self, asker: Asker, results: &[(JobId, u32)]) -> Result<BTreeSet<TaskId>, Answer> {
        let known = |&(job, index): &(JobId, u32)| {
            let row = self.jobs.get(job).filter(|_| self.has_result(asker.0, job, index));
            row.map(|row| row.task_id(index)).ok_or_else(|| {
                Answer::Refused(format!("the result of task {index} of {job} is no future's, or was released"))
            })
        };
        results.iter().map(known).collect()
    }

    /// Who has each of these results.
    fn holders_of(&self, asker: Asker, results: &[(JobId, u32)]) -> Answer {
        let holders = |&(job, index): &(JobId, u32)| {
            let row = self.jobs.get(job).filter(|_| self.has_result(asker.0, job, index));
            row.map_or_else(Vec::new, |row| self.all_holders(row.task_id(index)))
        };
        Answer::Holders(results.iter().map(holders).collect())
    }

    /// A driver wants these workers to leave, as soon as others have their results.
    fn retire(&mut self, asker: Asker, workers: &[WorkerId]) {
        let known: BTreeSet<WorkerId> =
            workers.iter().copied().filter(|&worker| self.workers.get(worker).is_some()).collect();
        let others = self.workers.iter().filter(|(worker, row)| !row.leaving && !known.contains(worker)).count();
        if others == 0 && !known.is_empty() {
            let why =
                "no worker would be left to take over their results: start others first, or retire fewer".to_owned();
            return self.answer(vec![(asker, Answer::Refused(why))]);
        }
        for &worker in &known {
            self.let_leave(worker, "its driver does not need it any more");
        }
        self.wait_for_placement(asker, BTreeSet::new(), known);
        self.let_go_of_leavers();
    }

    /// A driver wants results to be spread evenly over the workers.
    fn rebalance(&mut self, asker: Asker) {
        let mut moved = BTreeSet::new();
        for (task, from, to) in self.plan_moves() {
            self.copies.row(task).moving = Some((from, to));
            moved.insert(task);
        }
        self.note(format!("{} results are to move, so that the workers keep about as much each", moved.len()));
        self.wait_for_placement(asker, moved, BTreeSet::new());
    }

    /// From whom to whom results of one holder move, until no worker has much more than the mean.
    fn plan_moves(&self) -> Vec<(TaskId, WorkerId, WorkerId)> {
        let mut held: BTreeMap<WorkerId, (u64, Vec<(u64, TaskId)>)> = self
            .workers
            .iter()
            .filter(|(_, row)| !row.leaving)
            .map(|(worker, _)| (worker, Default::default()))
            .collect();
        for job in self.jobs.iter() {
            for index in 0..job.len() {
                let Some((holder, bytes)) = job.result(index) else { continue };
                let task = job.task_id(index);
                for worker in self.all_holders(task) {
                    let Some((sum, movable)) = held.get_mut(&worker) else { continue };
                    *sum += bytes;
                    if worker == holder && self.copies.get(task).is_none() {
                        movable.push((bytes, task));
                    }
                }
            }
        }
        spread(held)
    }

    fn wait_for_placement(&mut self, asker: Asker, tasks: BTreeSet<TaskId>, workers: BTreeSet<WorkerId>) {
        self.placements.waiting.push(Placement { asker, tasks, workers });
        self.settle_copies();
        self.answer_placements();
    }

    /// A driver waits no more. True if it did.
    pub(super) fn withdraw_placement(&mut self, asker: Asker) -> bool {
        let before = self.placements.waiting.len();
        self.placements.waiting.retain(|row| row.asker != asker);
        self.placements.waiting.len() < before
    }

    /// A driver is gone: nobody waits on its behalf.
    pub(super) fn placer_gone(&mut self, driver: DriverId) {
        self.placements.waiting.retain(|row| row.asker.0 != driver);
    }

    fn answer_placements(&mut self) {
        if self.placements.waiting.iter().any(Placement::is_met) {
            let (met, waiting) = std::mem::take(&mut self.placements.waiting).into_iter().partition(Placement::is_met);
            self.placements.waiting = waiting;
            let met: Vec<Placement> = met;
            self.answer(met.into_iter().map(|row| (row.asker, Answer::Done)).collect());
        }
    }

    /// This cannot be: whoever waits for it hears why.
    pub(super) fn refuse_placements(&mut self, concerns: impl Fn(&Placement) -> bool, why: &str) {
        let (refused, waiting) = std::mem::take(&mut self.placements.waiting).into_iter().partition(concerns);
        self.placements.waiting = waiting;
        let refused: Vec<Placement> = refused;
        self.answer(refused.into_iter().map(|row| (row.asker, Answer::Refused(why.to_owned()))).collect());
    }

    /// As many have it as wanted, or could.
    pub(super) fn is_placed(&mut self, task: TaskId) {
        for row in &mut self.placements.waiting {
            row.tasks.remove(&task);
        }
        self.answer_placements();
    }

    /// A worker is gone: nobody waits to see it go.
    pub(super) fn leaver_gone(&mut self, worker: WorkerId) {
        for row in &mut self.placements.waiting {
            row.workers.remove(&worker);
        }
        self.answer_placements();
    }
}

/// What whoever wants copies hears of a task that failed.
pub(super) fn nothing_to_copy(name: &str) -> String {
    format!("{name} failed: there is no result to copy")
}

/// Workers with their bytes, and their results that may move.
type Held = BTreeMap<WorkerId, (u64, Vec<(u64, TaskId)>)>;

/// Moves, the largest results first, from workers with more than the mean to the one with the least, as long as that makes
/// the difference smaller.
fn spread(mut held: Held) -> Vec<(TaskId, WorkerId, WorkerId)> {
    let mut moves = Vec::new();
    let Some(mean) = held.values().map(|(sum, _)| sum).sum::<u64>().checked_div(held.len() as u64) else {
        return moves;
    };
    let mut sums: BTreeSet<(u64, WorkerId)> = held.iter().map(|(&worker, (sum, _))| (*sum, worker)).collect();
    for (&from, (sum, movable)) in &mut held {
        movable.sort_unstable_by_key(|&(bytes, task)| (std::cmp::Reverse(bytes), task));
        for &(bytes, task) in movable.iter().filter(|(bytes, _)| *bytes > 0) {
            if *sum <= mean {
                break;
            }
            let Some(&(least, to)) = sums.first() else { break };
            if to == from || least + bytes >= *sum {
                continue;
            }
            sums.remove(&(least, to));
            sums.insert((least + bytes, to));
            sums.remove(&(*sum, from));
            *sum -= bytes;
            sums.insert((*sum, from));
            moves.push((task, from, to));
        }
    }
    moves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_make_workers_even() {
        let results = |sizes: &[u64]| {
            let rows = (0..).zip(sizes).map(|(task, &bytes)| (bytes, TaskId(task))).collect::<Vec<_>>();
            (sizes.iter().sum(), rows)
        };
        let held = Held::from([
            (WorkerId(1), results(&[50, 10, 30, 10])),
            (WorkerId(2), results(&[])),
            (WorkerId(3), results(&[20])),
        ]);
        let moved: Vec<(u32, u32)> = spread(held).into_iter().map(|(task, _, to)| (task.0, to.0)).collect();
        assert_eq!(moved, [(0, 2), (1, 3)]);
    }

    #[test]
    fn what_is_even_stays() {
        let one = |task| (100, vec![(100, TaskId(task))]);
        assert!(spread(Held::from([(WorkerId(1), one(1)), (WorkerId(2), one(2))])).is_empty());
        assert!(
            spread(Held::from([(WorkerId(1), (300, vec![(300, TaskId(1))])), (WorkerId(2), (0, vec![]))])).is_empty()
        );
        assert!(spread(Held::new()).is_empty());
    }
}
