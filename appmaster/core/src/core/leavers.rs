//! Workers that get no more tasks. Those that use most of their memory, for a while. Those that are to leave: they end what they
//! run, and are let go when all of their results are elsewhere. Idle ones leave when there are too many, those on nodes that
//! YARN gives up, and those that a driver names.

use crate::event::Node;
use crate::ids::{TaskId, WorkerId};
use crate::worker::Worker;

use super::Core;

impl Core {
    /// A worker gets no more tasks, and is let go when its results are elsewhere.
    pub(super) fn let_leave(&mut self, worker: WorkerId, why: &str) {
        if !self.workers.stays(worker) {
            return;
        }
        let results = self.results_on(worker);
        self.note(format!("{worker} is to leave: {why}; others take over its {results} results"));
        self.workers.set_leaving(worker, true);
        let queued: Vec<TaskId> =
            self.workers.get(worker).into_iter().flat_map(|row| row.queued()).map(|queued| queued.task).collect();
        for task in queued {
            self.cancel_task(worker, task);
        }
        for job in self.jobs.iter() {
            let held = |&index: &u32| job.result(index).is_some_and(|(holder, _)| holder == worker);
            for index in (0..job.len()).filter(held) {
                self.copies.row(job.task_id(index));
            }
        }
        self.copies.stir_all();
        self.wishes.all_workers = true;
    }

    /// A worker that uses most of its memory gets no more tasks until it has enough again, or has none: so it ends what it runs,
    /// rather than being killed with it, and never stands still.
    pub(super) fn worker_pressed(&mut self, worker: WorkerId, pressed: bool, bytes: u64) {
        if self.workers.set_pressed(worker, pressed) {
            let (megabytes, what) =
                (bytes >> 20, if pressed { "no more tasks until it uses less" } else { "tasks again" });
            self.note(format!("{worker} uses {megabytes} MiB: it gets {what}"));
            self.wishes.workers.push(worker);
        }
    }

    /// Nodes that are being decommissioned, or are unhealthy, let their containers run for a while: their workers leave.
    pub(super) fn leave_unusable(&mut self, nodes: &[Node]) {
        for node in nodes.iter().filter(|node| !node.usable) {
            let Some(host) = self.hosts.find(&node.host) else { continue };
            for worker in self.workers.at(host).to_vec() {
                let others = self.workers.iter().any(|(other, row)| !row.leaving && other != worker);
                if others && self.workers.stays(worker) {
                    self.let_leave(worker, &format!("YARN will not use {} any more", node.host));
                }
            }
        }
    }

    /// Its results cannot be had elsewhere.
    pub(super) fn stay_after_all(&mut self, worker: WorkerId, why: &str) {
        self.note(format!("{worker} stays, because its results cannot be taken over"));
        self.workers.set_leaving(worker, false);
        self.copies.stir_all();
        self.wishes.workers.push(worker);
        self.refuse_placements(|row| row.workers.contains(&worker), why);
    }

    /// Workers that have nothing left are let go. Where all others have gone in the meantime, those that were to leave stay.
    pub(super) fn let_go_of_leavers(&mut self) {
        let nobody_stays = !self.workers.iter().any(|(_, row)| !row.leaving);
        if nobody_stays && self.fleet.starting() == 0 {
            for worker in self.workers.iter().map(|(worker, _)| worker).collect::<Vec<_>>() {
                self.stay_after_all(worker, "no other worker is left to take its results over");
            }
        }
        let empty = |row: &Worker| row.leaving && row.assigned.is_empty() && row.results == 0;
        let has_left = |worker: WorkerId, row: &Worker| empty(row) && !self.former.has(worker);
        let leavers: Vec<WorkerId> =
            self.workers.iter().filter(|&(worker, row)| has_left(worker, row)).map(|(worker, _)| worker).collect();
        for worker in leavers {
            self.note(format!("{worker} leaves"));
            let host = self.workers.get(worker).map(|row| (row.container, row.host));
            self.dismiss_worker(worker);
            if let Some((None, host)) = host {
                self.unhold(host);
            }
        }
    }
}
