//! Copies of results: made because a driver wants several, because a worker is to leave, or to spread results evenly.
//!
//! There is one rule, which every change looks at again: as many workers as wanted, and at least one, that are to stay have
//! the result. While there are fewer, others fetch it from those that have it; as soon as there are as many, those that are
//! to give it up drop it, and so do those that nobody asked for.

use std::collections::BTreeSet;

use crate::action::{Action, Input};
use crate::ids::{CopyId, JobId, TaskId, WorkerId};
use crate::job::{Job, State};
use crate::lineage::Effects;
use crate::story::Step;

use super::Core;
use super::placements::nothing_to_copy;

/// Results for which nobody has room, before the others that wait are left alone until there may be some.
const IN_VAIN: u32 = 4;

/// A result, and how many workers have it, are to have it, and could.
struct Standing {
    task: TaskId,
    /// Who has it and is to keep it; the one that the task's state names comes first, if it is.
    stay: Vec<WorkerId>,
    /// Who has it and is to give it up.
    leave: Vec<WorkerId>,
    /// How many are to have it.
    wanted: usize,
    /// How many could: workers that stay.
    possible: usize,
    /// How many are fetching it.
    coming: usize,
}

/// Holders of a result that a reader is told beside the nearest one.
const FURTHER: usize = 2;

impl Core {
    /// Who has the result of a task: first the one that its state names.
    pub(super) fn all_holders(&self, task: TaskId) -> Vec<WorkerId> {
        let Some((job, index)) = self.jobs.find(task) else { return Vec::new() };
        let Some((first, _)) = job.result(index) else { return Vec::new() };
        let others = self.copies.get(task).into_iter().flat_map(|row| row.others.iter().copied());
        std::iter::once(first).chain(others).collect()
    }

    /// Do for all copies what can be done now.
    pub(super) fn settle_copies(&mut self) {
        for task in self.copies.take_unsettled() {
            self.settle_copies_of(task);
        }
        let (mut waiting, mut in_vain) = (self.copies.take_waiting(), 0);
        while in_vain < IN_VAIN
            && let Some(task) = waiting.pop_first()
        {
            self.settle_copies_of(task);
            in_vain += u32::from(self.copies.is_waiting(task));
        }
        self.copies.wait_on(waiting);
    }

    fn settle_copies_of(&mut self, task: TaskId) {
        let Some(standing) = self.standing(task) else { return };
        if standing.stay.len() < standing.wanted {
            return self.begin_copies(&standing);
        }
        for &worker in &standing.leave {
            self.drop_copy(task, worker);
        }
        let surplus = standing.stay.len() - standing.wanted;
        let mut kept = standing.stay;
        for _ in 0..surplus {
            let fullest = kept.iter().copied().max_by_key(|&worker| (self.results_on(worker), worker));
            let Some(worker) = fullest else { break };
            kept.retain(|&other| other != worker);
            self.drop_copy(task, worker);
        }
        self.copies.is_settled(task);
        self.is_placed(task);
    }

    pub(super) fn results_on(&self, worker: WorkerId) -> u32 {
        self.workers.get(worker).map_or(0, |row| row.results)
    }

    /// Nothing if the result is not there.
    fn standing(&self, task: TaskId) -> Option<Standing> {
        let row = self.copies.get(task)?;
        let holders = self.all_holders(task);
        if holders.is_empty() {
            return None;
        }
        let from = row.moving.map(|(from, _)| from);
        let (stay, leave) = holders.into_iter().partition(|&worker| self.workers.stays(worker) && from != Some(worker));
        let possible = self.workers.iter().filter(|(worker, row)| !row.leaving && from != Some(*worker)).count();
        let coming = row.coming.keys().filter(|&&worker| self.workers.stays(worker)).count();
        // Where nobody could take it, it stays where it is.
        let wanted = (row.wanted.max(1) as usize).min(possible.max(1));
        Some(Standing { task, stay, leave, wanted, possible, coming })
    }

    /// Let others fetch the result, as many at a time as those who have it may serve.
    fn begin_copies(&mut self, standing: &Standing) {
        let task = standing.task;
        let sources: Vec<WorkerId> = standing.stay.iter().chain(&standing.leave).copied().collect();
        for _ in standing.stay.len() + standing.coming..standing.wanted {
            let from = self.copies.get(task).and_then(|row| row.source(&sources));
            let to = self.destination(task, &sources);
            let (Some(from), Some(worker)) = (from, to) else {
                if standing.possible > 0 {
                    self.copies.wait_for_room(task);
                }
                return;
            };
            let copy = self.copies.begin(task, worker, from);
            self.act(Action::Copy { worker, task, copy, from });
        }
    }

    /// Who is to have the next copy: the worker that was chosen, else one on a host without any, with the fewest results.
    fn destination(&self, task: TaskId, holders: &[WorkerId]) -> Option<WorkerId> {
        let row = self.copies.get(task)?;
        let has = |worker: WorkerId| holders.contains(&worker) || row.coming.contains_key(&worker);
        let can = |worker: WorkerId| self.workers.stays(worker) && !has(worker) && self.copies.has_room(worker);
        if let Some((_, to)) = row.moving.filter(|&(_, to)| self.workers.stays(to) && !has(to)) {
            return can(to).then_some(to);
        }
        let host = |worker: WorkerId| self.workers.get(worker).map(|row| row.host);
        let taken: BTreeSet<_> = holders.iter().chain(row.coming.keys()).filter_map(|&worker| host(worker)).collect();
        let others = self.workers.iter().filter(|&(worker, _)| can(worker));
        others.map(|(worker, row)| (taken.contains(&row.host), row.results, worker)).min().map(|(_, _, worker)| worker)
    }

    /// A worker gives a result up that others have.
    fn drop_copy(&mut self, task: TaskId, worker: WorkerId) {
        let row = self.copies.row(task);
        if !row.others.remove(&worker) {
            let stays: BTreeSet<WorkerId> =
                row.others.iter().copied().filter(|&other| self.workers.stays(other)).collect();
            let Some(next) = self.copies.promote(task, |other| stays.contains(&other)) else { return };
            self.relocate(task, next);
        }
        self.drop_results(vec![(worker, task)]);
    }

    /// Another holder takes the place of the one that the task's state names.
    fn relocate(&mut self, task: TaskId, next: WorkerId) {
        let Some((job, index)) = self.jobs.find_mut(task) else { return };
        let (id, audience) = (job.id, job.audience(index));
        let State::Done { bytes, .. } = job.task(index).state else { return };
        self.copies.note_move(task, self.now);
        self.story.note(self.now, task, Step::Moved { worker: next });
        let mut effects = Effects::default();
        job.relocate(index, next, bytes);
        job.note_move(index, &mut effects);
        for to in audience {
            self.act(Action::ResultLost { to, job: id, index });
            self.act(Action::ResultReady { to, job: id, index, task, bytes, holder: next });
        }
        self.carry_out(id, effects);
    }

    /// The worker that a task's state names does not have its result any more. True if another one has.
    pub(super) fn use_copy(&mut self, task: TaskId) -> bool {
        if self.copies.is_empty() {
            return false;
        }
        let workers = &self.workers;
        match self.copies.promote(task, |worker| workers.stays(worker)) {
            Some(next) => {
                self.relocate(task, next);
                true
            }
            None => {
                self.copies.lost(task);
                false
            }
        }
    }

    /// A task could not fetch this result. If several workers have it, the one that it was sent to has it no more; true then.
    pub(super) fn give_up_copy(&mut self, task: TaskId, reader: WorkerId) -> bool {
        let Some(row) = self.copies.get(task).filter(|row| !row.others.is_empty()) else { return false };
        let others: Vec<WorkerId> = row.others.iter().copied().collect();
        let Some(first) = self.all_holders(task).first().copied() else { return false };
        let tried = self.nearest(task, reader, (first, &others));
        self.drop_copy(task, tried);
        true
    }

    /// Who else had results that are dropped everywhere: they drop them, too.
    pub(super) fn drop_copies_too(&mut self, dropped: &mut Vec<(WorkerId, TaskId)>) {
        if self.copies.is_empty() {
            return;
        }
        for position in 0..dropped.len() {
            let task = dropped[position].1;
            dropped.extend(self.copies.forget(task).into_iter().map(|worker| (worker, task)));
            self.is_placed(task);
        }
    }

    /// A job is forgotten: nobody asks for its results any more.
    pub(super) fn end_copies(&mut self, job: &Job) {
        for task in self.copies.end(TaskId(job.first), job.len()) {
            self.copies.forget(task);
            self.is_placed(task);
        }
    }

    /// There will be nothing to copy.
    pub(super) fn no_copies_of_failed(&mut self, id: JobId, index: u32) {
        let Some(job) = self.jobs.get(id) else { return };
        let task = job.task_id(index);
        if self.copies.get(task).is_some() {
            let text = nothing_to_copy(&job.task_name(index));
            self.copies.forget(task);
            self.refuse_placements(|row| row.tasks.contains(&task), &text);
        }
    }

    /// There is nothing to copy. Whoever waits for copies hears of failures; of what was skipped, or is needed by nobody, there
    /// are as many as there could be.
    pub(super) fn no_copies_of_barren(&mut self, id: JobId, barren: &[u32]) {
        for &index in barren {
            let Some(job) = self.jobs.get(id).filter(|_| !self.copies.is_empty()) else { return };
            let task = job.task_id(index);
            match job.task(index).state {
                State::Failed => self.no_copies_of_failed(id, index),
                State::Skipped | State::Idle => {
                    self.copies.forget(task);
                    self.is_placed(task);
                }
                State::Sought { .. }
                | State::Waiting { .. }
                | State::Ready { .. }
                | State::Delayed { .. }
                | State::Assigned { .. }
                | State::Done { .. }
                | State::Away => {}
            }
        }
    }

    /// A worker has fetched a result.
    pub(super) fn result_copied(&mut self, worker: WorkerId, copy: CopyId) {
        let Some(task) = self.copies.land(worker, copy) else { return };
        let holds = self.all_holders(task).contains(&worker);
        let is_there = self.jobs.find(task).is_some_and(|(job, index)| job.result(index).is_some());
        if self.copies.arrived(task, worker, copy) && is_there && !holds {
            self.copies.row(task).others.insert(worker);
            self.tell(task, Step::Copied { worker });
            self.keeps(worker, task);
        } else if !holds && !self.is_on(task, worker) {
            // Nobody waits for it any more. It was never counted.
            self.act(Action::DropResults { worker, tasks: vec![task] });
        }
    }

    /// Does this worker compute the result itself, or fetch it again?
    fn is_on(&self, task: TaskId, worker: WorkerId) -> bool {
        let computes = |(job, index): (&Job, u32)| job.task(index).state == State::Assigned { worker };
        self.jobs.find(task).is_some_and(computes)
            || self.copies.get(task).is_some_and(|row| row.coming.contains_key(&worker))
    }

    /// A worker could not fetch a result.
    pub(super) fn copy_failed(&mut self, worker: WorkerId, copy: CopyId, why: &str) {
        let Some(task) = self.copies.land(worker, copy) else { return };
        if !self.copies.arrived(task, worker, copy) || !self.copies.failed(task) {
            return;
        }
        let name = self.jobs.find(task).map_or_else(|| task.to_string(), |(job, index)| job.task_name(index));
        let text = format!("no more copies of the result of {name} are made, the last one on {worker} failed: {why}");
        self.note(text.clone());
        let leavers = self.all_holders(task).into_iter().filter(|&holder| !self.workers.stays(holder));
        for holder in leavers.collect::<Vec<_>>() {
            self.stay_after_all(holder, &text);
        }
        self.copies.be_content(task);
        self.refuse_placements(|row| row.tasks.contains(&task), &text);
    }

    /// A task left its result on a worker: more may be to have it.
    pub(super) fn result_came(&mut self, task: TaskId, worker: WorkerId) {
        if self.workers.get(worker).is_some_and(|row| row.leaving) {
            self.copies.row(task);
        } else {
            self.copies.stir(task);
        }
    }

    /// Of each input that several workers have, choose the holder that is nearest to the reader. Gives others that have it.
    pub(super) fn choose_holders(&self, reader: WorkerId, inputs: &mut [Input]) -> Vec<(TaskId, WorkerId)> {
        let mut further = Vec::new();
        if self.copies.is_empty() {
            return further;
        }
        for input in inputs {
            let mut chosen: Option<Vec<Option<WorkerId>>> = None;
            let copied = self.copies.range(input.first, input.holders.len() as u32);
            for (task, row) in copied.filter(|(_, row)| !row.others.is_empty()) {
                let position = (task.0 - input.first.0) as usize;
                let Some(first) = input.holders[position] else { continue };
                let others: Vec<WorkerId> = row.others.iter().copied().collect();
                let nearest = self.nearest(task, reader, (first, &others));
                let rest = std::iter::once(first).chain(others).filter(|&worker| worker != nearest && worker != reader);
                further.extend(rest.take(FURTHER).map(|worker| (task, worker)));
                if nearest != first {
                    chosen.get_or_insert_with(|| input.holders.to_vec())[position] = Some(nearest);
                }
            }
            if let Some(holders) = chosen {
                input.holders = holders.into();
            }
        }
        further
    }

    /// The holder to fetch from: the reader itself, one on its host, one in its rack, else any; readers spread over those that
    /// are as near.
    fn nearest(&self, task: TaskId, reader: WorkerId, (first, others): (WorkerId, &[WorkerId])) -> WorkerId {
        let host = |worker: WorkerId| self.workers.get(worker).map(|row| row.host);
        let here = host(reader);
        let distance = |worker: WorkerId| match (here, host(worker)) {
            _ if worker == reader => 0,
            (Some(here), Some(there)) if here == there => 1,
            (Some(here), Some(there)) if self.hosts.same_rack(here, there) => 2,
            _ => 3,
        };
        let all = || std::iter::once(first).chain(others.iter().copied());
        let least = all().map(distance).min().unwrap_or_default();
        let near: Vec<WorkerId> = all().filter(|&worker| distance(worker) == least).collect();
        near[(reader.0 as usize + task.0 as usize) % near.len()]
    }
}
