//! Results by name: what a driver publishes lives without it, and others open it as if the results were theirs.
//!
//! A dataset, and each driver that has opened it, is a holder of each of its results: as long as there is one, the result
//! is kept, and made again when it is lost, whatever its own driver does.

use std::collections::BTreeMap;

use crate::action::{Action, Audience};
use crate::commons::{Asker, too_long};
use crate::ids::{DriverId, JobId};
use crate::job::{Holder, Job, State};
use crate::questions::{Answer, DatasetEntry};

use super::Core;

/// The datasets by their names.
#[derive(Debug, Default)]
pub(super) struct Datasets {
    rows: BTreeMap<String, Dataset>,
    next: u32,
}

#[derive(Clone, Debug)]
struct Dataset {
    number: u32,
    kind: String,
    entries: Vec<DatasetEntry>,
}

impl Datasets {
    /// Their names, in order.
    pub(super) fn names(&self) -> Vec<String> {
        self.rows.keys().cloned().collect()
    }

    /// Is a dataset of this number there?
    #[cfg(any(test, feature = "invariants"))]
    pub(super) fn holds(&self, number: u32, job: JobId, index: u32) -> bool {
        let mut rows = self.rows.values().filter(|row| row.number == number).flat_map(|row| &row.entries);
        rows.any(|entry| entry.job == job && entry.index == index)
    }
}

impl Core {
    pub(super) fn publish(
        &mut self,
        driver: DriverId,
        (name, kind): (String, String),
        entries: Vec<DatasetEntry>,
    ) -> Answer {
        if let Some(refusal) = too_long(&name) {
            return refusal;
        }
        if self.datasets.rows.contains_key(&name) {
            return Answer::Refused(format!(
                "there is a dataset '{name}' already: unpublish it first, or choose another name"
            ));
        }
        if let Some(entry) = entries.iter().find(|entry| !self.has_result(driver, entry.job, entry.index)) {
            return Answer::Refused(format!(
                "the result of task {} of job {} is not there to be published in '{name}': it was released, or it is no future's",
                entry.index,
                self.number_of(entry.job)
            ));
        }
        let number = self.datasets.next;
        self.datasets.next += 1;
        for entry in &entries {
            self.hold_result(entry, Holder::Dataset(number));
        }
        self.datasets.rows.insert(name, Dataset { number, kind, entries });
        Answer::Done
    }

    /// What its driver calls a job.
    pub(super) fn number_of(&self, job: JobId) -> u32 {
        self.jobs.get(job).map_or(job.0, |row| row.number)
    }

    /// Is it a result that this driver has?
    pub(super) fn has_result(&self, driver: DriverId, job: JobId, index: u32) -> bool {
        let Some(job) = self.jobs.get(job).filter(|job| job.independent && index < job.len()) else { return false };
        let own = job.driver == driver && job.is_announced(index);
        let holders = job.holders.get(&index);
        own || holders.is_some_and(|holders| holders.contains(&Holder::Driver(driver)))
    }

    pub(super) fn hold_result(&mut self, entry: &DatasetEntry, holder: Holder) {
        if let Some(job) = self.jobs.get_mut(entry.job) {
            job.holders.entry(entry.index).or_default().insert(holder);
        }
    }

    pub(super) fn unpublish(&mut self, name: &str) -> Answer {
        let Some(dataset) = self.datasets.rows.remove(name) else { return self.no_dataset(name) };
        self.let_go(&dataset.entries, Holder::Dataset(dataset.number));
        Answer::Done
    }

    fn no_dataset(&self, name: &str) -> Answer {
        let names: Vec<&str> = self.datasets.rows.keys().map(String::as_str).take(5).collect();
        let known = if names.is_empty() { "there is none".into() } else { format!("there is {}", names.join(", ")) };
        Answer::Refused(format!("there is no dataset '{name}'; {known}"))
    }

    /// The driver has these results from now on, and hears what becomes of them.
    pub(super) fn open(&mut self, asker: Asker, name: &str) {
        let Some(Dataset { kind, entries, .. }) = self.datasets.rows.get(name).cloned() else {
            let answer = self.no_dataset(name);
            return self.answer(vec![(asker, answer)]);
        };
        if let Some(entry) = entries.iter().find(|entry| self.jobs.get(entry.job).is_none()) {
            let answer = Answer::Refused(format!("a result of dataset '{name}' is gone: {} was ended", entry.job));
            return self.answer(vec![(asker, answer)]);
        }
        self.answer(vec![(asker, Answer::Dataset { kind, entries: entries.clone() })]);
        for entry in entries {
            self.hold_result(&entry, Holder::Driver(asker.0));
            self.tell_sharer(&entry, asker.0);
        }
    }

    /// What has become of a result so far.
    fn tell_sharer(&mut self, entry: &DatasetEntry, driver: DriverId) {
        let Some(row) = self.jobs.get(entry.job) else { return };
        let (to, job, index) = (Audience::Sharer(driver), entry.job, entry.index);
        match row.task(index).state {
            State::Done { worker, bytes } => {
                let task = row.task_id(index);
                self.act(Action::ResultReady { to, job, index, task, bytes, holder: worker });
            }
            State::Failed => {
                let failure = row.failures.get(&index);
                let (message, exit_code) = failure.map_or_else(Default::default, |row| (row.text(), row.exit_code));
                self.act(Action::ResultFailed { to, job, index, message, exit_code });
            }
            State::Idle
            | State::Sought { .. }
            | State::Waiting { .. }
            | State::Ready { .. }
            | State::Delayed { .. }
            | State::Assigned { .. }
            | State::Skipped
            | State::Away => {}
        }
    }

    /// A driver wants results of others no more.
    pub(super) fn shares_released(&mut self, driver: DriverId, job: JobId, indexes: &[u32]) {
        let key = std::sync::Arc::default();
        let entries: Vec<_> =
            indexes.iter().map(|&index| DatasetEntry { job, index, key: std::sync::Arc::clone(&key) }).collect();
        self.let_go(&entries, Holder::Driver(driver));
    }

    /// A driver is gone, with all that it has opened.
    pub(super) fn sharer_gone(&mut self, driver: DriverId) {
        let holder = Holder::Driver(driver);
        let jobs = self.jobs.iter().map(|job| {
            let held = job.holders.iter().filter(|(_, holders)| holders.contains(&holder));
            (job.id, held.map(|(&index, _)| index).collect::<Vec<_>>())
        });
        for (job, indexes) in jobs.filter(|(_, indexes)| !indexes.is_empty()).collect::<Vec<_>>() {
            self.shares_released(driver, job, &indexes);
        }
        let answers = self.commons.driver_gone(driver);
        self.answer(answers);
    }

    pub(super) fn let_go(&mut self, entries: &[DatasetEntry], holder: Holder) {
        let mut by_job: BTreeMap<JobId, Vec<u32>> = BTreeMap::new();
        for entry in entries {
            let Some(job) = self.jobs.get_mut(entry.job) else { continue };
            let Some(holders) = job.holders.get_mut(&entry.index) else { continue };
            if holders.remove(&holder) && holders.is_empty() {
                job.holders.remove(&entry.index);
                by_job.entry(entry.job).or_default().push(entry.index);
            }
        }
        for (job, indexes) in by_job {
            if let Some(effects) = self.keep_what_is_read(job, indexes.into_iter()) {
                self.carry_out(job, effects);
            }
            let is_needless = |row: &Job| row.released && row.dependents.is_empty() && row.holders.is_empty();
            if self.jobs.get(job).is_some_and(is_needless) {
                self.forget_job(job);
            }
        }
        self.wishes.containers = true;
    }

    /// A job is ended: who has opened results of it hears that they are gone.
    pub(super) fn forget_holders(&mut self, job: JobId) {
        let Some(row) = self.jobs.get_mut(job) else { return };
        let (holders, number) = (std::mem::take(&mut row.holders), row.number);
        for (index, holders) in holders {
            for holder in holders {
                if let Holder::Driver(driver) = holder {
                    let message = format!("the job {number} that made it was ended");
                    let to = Audience::Sharer(driver);
                    self.act(Action::ResultFailed { to, job, index, message, exit_code: 1 });
                }
            }
        }
    }
}
