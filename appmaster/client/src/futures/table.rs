//! The conversation's side of futures: wishes become jobs, news become fates.
//!
//! Submissions that are there together become one job whose tasks fail alone; so there is no waiting for more, and a
//! million calls are not a million messages. Results are released one by one, a job with its last one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bobbin_core::SHARED_JOBS;
use bobbin_proto as wire;
use from_driver::Message;
use wire::{from_driver, to_driver};

use super::queue::{Spec, Wish};
use super::slot::{Address, Ended, Fate, Key, Running, Slot};

/// Tasks and bytes of one message, at most. A frame holds 64 MiB.
const MOST_TASKS: usize = 20_000;
const MOST_BYTES: usize = 16 << 20;

/// The futures of a conversation.
pub(crate) struct FutureTable {
    jobs: BTreeMap<u32, FutureJob>,
    /// Is what was submitted kept, to be submitted again to another application master?
    keeps: bool,
}

struct FutureJob {
    /// Of each task its future, while somebody wants it.
    slots: Vec<Option<Wanted>>,
    /// How many are wanted.
    live: u32,
    /// What was submitted, if it is kept.
    kept: Option<wire::SubmitJob>,
    /// Our jobs that it reads, and how many read it: while there is one, it may have to be run again.
    reads: BTreeSet<u32>,
    readers: u32,
    running: Arc<Running>,
}

impl FutureJob {
    fn new(slots: Vec<Option<Wanted>>) -> FutureJob {
        let live = slots.len() as u32;
        FutureJob { slots, live, kept: None, reads: BTreeSet::new(), readers: 0, running: Arc::default() }
    }
}

/// A future, and how many claims to it there are: one, but of results that were opened several times.
struct Wanted {
    slot: Arc<Slot>,
    claims: u32,
}

/// A job that is being put together.
struct Draft {
    job: wire::SubmitJob,
    slots: Vec<Arc<Slot>>,
    bytes: usize,
    running: Arc<Running>,
}

impl Draft {
    fn new(number: u32) -> Draft {
        let job = wire::SubmitJob { job: number, independent: true, ..wire::SubmitJob::default() };
        Draft { job, slots: Vec::new(), bytes: 0, running: Arc::default() }
    }

    fn is_full(&self) -> bool {
        self.slots.len() >= MOST_TASKS || self.bytes >= MOST_BYTES
    }

    fn push(&mut self, slot: Arc<Slot>, spec: Spec) {
        let task = self.slots.len() as u32;
        let addresses = spec.inputs.iter().filter_map(|input| input.slot.address());
        let recipe = &*spec.recipe;
        let task_spec = wire::TaskSpec {
            body: recipe.body.clone(),
            inputs: ranges(addresses, self.job.job),
            places: recipe.places.clone(),
            input_bytes: recipe.input_bytes,
        };
        self.bytes += task_spec.body.len() + 32;
        let alike = |set: &&mut wire::TaskSet| set.shared == recipe.function && set.options == recipe.options;
        match self.job.task_sets.last_mut().filter(alike) {
            Some(set) => set.tasks.push(task_spec),
            None => self.job.task_sets.push(wire::TaskSet {
                name: recipe.set.to_string(),
                shared: recipe.function.clone(),
                tasks: vec![task_spec],
                kind: wire::TaskKind::Function.into(),
                options: recipe.options.clone(),
                ..wire::TaskSet::default()
            }),
        }
        slot.submitted_as((self.job.job, task), &self.running);
        self.job.wanted.push(task);
        self.slots.push(slot);
    }
}

/// Results one after the other in one job are one range.
fn ranges(addresses: impl Iterator<Item = Address>, this: u32) -> Vec<wire::InputRange> {
    let mut ranges: Vec<wire::InputRange> = Vec::new();
    for (job, task) in addresses {
        let job = (job != this).then_some(job);
        match ranges.last_mut() {
            Some(range) if range.job == job && range.first + range.count == task => range.count += 1,
            Some(_) | None => ranges.push(wire::InputRange { job, first: task, count: 1, part: 0 }),
        }
    }
    ranges
}

impl FutureTable {
    /// Without futures. One that `keeps` can submit them again.
    pub fn new(keeps: bool) -> FutureTable {
        FutureTable { jobs: BTreeMap::new(), keeps }
    }

    /// What to say to another application master, which knows nothing of us: all that our futures may need, in the order in
    /// which it was submitted at first, and what it was before. Opened datasets are gone.
    pub fn resubmit(&mut self, why: &str) -> Vec<Message> {
        let why: Arc<str> = why.into();
        let shared = self.jobs.split_off(&SHARED_JOBS);
        for Wanted { slot, .. } in shared.values().flat_map(|row| row.slots.iter().flatten()) {
            slot.failed(Ended::Gone(Arc::clone(&why)));
        }
        let (mut messages, mut releases) = (Vec::new(), Vec::new());
        for (&job, row) in &self.jobs {
            let Some(kept) = &row.kept else { continue };
            row.running.set(0);
            row.slots.iter().flatten().for_each(|wanted| wanted.slot.lost());
            // What nobody wants any more is there for those that read it.
            let is_wanted = |task: &u32| row.slots.get(*task as usize).is_some_and(Option::is_some);
            let (wanted, readable) = kept.wanted.iter().copied().partition(is_wanted);
            messages.push(Message::SubmitJob(wire::SubmitJob { wanted, readable, ..kept.clone() }));
            messages.extend(errands(job, row));
            if row.live == 0 {
                releases.push(Message::ReleaseJob(wire::ReleaseJob { job }));
            }
        }
        // Whatever reads them was submitted before.
        messages.extend(releases);
        messages
    }

    /// Nobody wants anything of a job any more: it goes, unless others may have to be run again that read it.
    fn forget(&mut self, job: u32) {
        let mut needless = vec![job];
        while let Some(job) = needless.pop() {
            if !self.jobs.get(&job).is_some_and(|row| row.live == 0 && row.readers == 0) {
                continue;
            }
            for source in self.jobs.remove(&job).map(|row| row.reads).unwrap_or_default() {
                if let Some(row) = self.jobs.get_mut(&source) {
                    row.readers -= 1;
                    needless.push(source);
                }
            }
        }
    }

    /// What to say so that these wishes come true; `next` numbers jobs.
    pub fn take(&mut self, wishes: Vec<Wish>, next: &mut u32) -> Vec<Message> {
        let mut messages = Vec::new();
        let mut draft: Option<Draft> = None;
        let mut dropped: Vec<Arc<Slot>> = Vec::new();
        for wish in wishes {
            if let Wish::Retry(slot, spec) = &wish {
                // Where it has failed, nobody wants it any more; who has dropped it before meant that, and not what it is now.
                dropped.retain(|other| !Arc::ptr_eq(other, slot));
                messages.extend(self.release(std::slice::from_ref(slot)));
                slot.begins_again(&spec.recipe);
            }
            match wish {
                Wish::Submit(slot, spec) | Wish::Retry(slot, spec) => {
                    if let Some(ended) = inherited(&spec) {
                        slot.failed(ended);
                        continue;
                    }
                    let current = draft.get_or_insert_with(|| {
                        *next += 1;
                        Draft::new(*next - 1)
                    });
                    current.push(slot, spec);
                    if current.is_full() {
                        messages.extend(self.submit(draft.take()));
                    }
                }
                Wish::Drop(slot) => dropped.push(slot),
                Wish::Cancel(slot) => {
                    messages.extend(self.submit(draft.take()));
                    if let Some((job, task)) = slot.address() {
                        messages.push(Message::CancelTasks(wire::CancelTasks { job, tasks: vec![task] }));
                    }
                }
            }
        }
        messages.extend(self.submit(draft));
        // Whatever reads them was submitted before.
        messages.extend(self.release(&dropped));
        messages
    }

    fn submit(&mut self, draft: Option<Draft>) -> Option<Message> {
        let Draft { job, slots, running, .. } = draft?;
        let slots = slots.into_iter().map(|slot| Some(Wanted { slot, claims: 1 })).collect();
        let mut row = FutureJob { running, ..FutureJob::new(slots) };
        if self.keeps {
            let inputs = job.task_sets.iter().flat_map(|set| &set.tasks).flat_map(|task| &task.inputs);
            row.reads = inputs.filter_map(|input| input.job).filter(|source| self.jobs.contains_key(source)).collect();
            for source in &row.reads {
                if let Some(source) = self.jobs.get_mut(source) {
                    source.readers += 1;
                }
            }
            row.kept = Some(job.clone());
        }
        self.jobs.insert(job.job, row);
        Some(Message::SubmitJob(job))
    }

    fn release(&mut self, dropped: &[Arc<Slot>]) -> Vec<Message> {
        let mut released: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (job, task) in dropped.iter().filter_map(|slot| slot.address()) {
            let Some(row) = self.jobs.get_mut(&job) else { continue };
            let Some(place) = row.slots.get_mut(task as usize) else { continue };
            let Some(wanted) = place else { continue };
            wanted.claims -= 1;
            if wanted.claims == 0 {
                *place = None;
                row.live -= 1;
                released.entry(job).or_default().push(task);
            }
        }
        let messages = released.into_iter().map(|(job, tasks)| {
            let over = self.jobs.get(&job).is_none_or(|row| row.live == 0);
            if over {
                self.forget(job);
            }
            // Others' jobs are not ours to release.
            if over && job < SHARED_JOBS {
                Message::ReleaseJob(wire::ReleaseJob { job })
            } else {
                Message::ReleaseResults(wire::ReleaseResults { job, tasks })
            }
        });
        messages.collect()
    }

    /// The futures of a dataset's results, from now on ours.
    pub fn adopt(&mut self, dataset: &str, entries: &[wire::DatasetEntry]) -> Vec<Arc<Slot>> {
        entries.iter().map(|entry| self.adopt_one(dataset, entry)).collect()
    }

    fn adopt_one(&mut self, dataset: &str, entry: &wire::DatasetEntry) -> Arc<Slot> {
        let row = self.jobs.entry(entry.job).or_insert_with(|| FutureJob::new(Vec::new()));
        let task = entry.task as usize;
        if row.slots.len() <= task {
            row.slots.resize_with(task + 1, || None);
        }
        if let Some(wanted) = &mut row.slots[task] {
            wanted.claims += 1;
            return Arc::clone(&wanted.slot);
        }
        let mut key = Key([0; 16]);
        let known = entry.key.len().min(key.0.len());
        key.0[..known].copy_from_slice(&entry.key[..known]);
        let slot = Arc::new(Slot::new(dataset.to_owned(), key));
        slot.is_at((entry.job, entry.task));
        row.live += 1;
        row.slots[task] = Some(Wanted { slot: Arc::clone(&slot), claims: 1 });
        slot
    }

    /// What to say because nobody wants these futures after all.
    pub fn disown(&mut self, slots: &[Arc<Slot>]) -> Vec<Message> {
        self.release(slots)
    }

    /// Takes what the application says of our jobs; gives back what is not of ours.
    pub fn hear(&mut self, message: to_driver::Message) -> Option<to_driver::Message> {
        use to_driver::Message;
        if !job_of(&message).is_some_and(|job| self.jobs.contains_key(&job)) {
            return Some(message);
        }
        match message {
            Message::ResultReady(ready) => {
                if let Some(slot) = self.slot((ready.job, ready.task)) {
                    slot.ready(ready);
                }
            }
            Message::ResultLost(lost) => {
                if let Some(slot) = self.slot((lost.job, lost.task)) {
                    slot.lost();
                }
            }
            Message::ResultFailed(failed) => {
                if let Some(slot) = self.slot((failed.job, failed.task)) {
                    slot.failed(Ended::Failed { message: failed.message.into(), exit_code: failed.exit_code });
                }
            }
            Message::JobFailed(failed) => {
                let (message, exit_code) = (Arc::from(failed.message), failed.exit_code);
                self.fail_job(failed.job, &Ended::Failed { message, exit_code });
            }
            Message::JobAccepted(accepted) => {
                let wire::JobAccepted { job, master, first_result } = accepted;
                if let Some(kept) = self.jobs.get_mut(&job).and_then(|row| row.kept.as_mut()) {
                    kept.formerly = Some(wire::FormerJob { master, first_result });
                }
            }
            Message::Progress(progress) => {
                if let Some(row) = self.jobs.get(&progress.job) {
                    row.running.set(progress.tasks_running);
                }
            }
            // Each future has heard of its own end.
            Message::JobFinished(_) | Message::Heartbeat(_) | Message::Ending(_) | Message::Answer(_) => {}
        }
        None
    }

    fn slot(&self, (job, task): Address) -> Option<&Slot> {
        Some(&self.jobs.get(&job)?.slots.get(task as usize)?.as_ref()?.slot)
    }

    /// The application knows the job no more. It stays here until its futures are dropped: what reads them fails, too.
    fn fail_job(&mut self, job: u32, ended: &Ended) {
        let slots = self.jobs.get(&job).into_iter().flat_map(|row| row.slots.iter().flatten());
        slots.for_each(|wanted| wanted.slot.failed(ended.clone()));
    }

    /// The conversation is over. What is there can still be fetched from workers that live.
    pub fn end(&mut self, why: &Arc<str>) {
        for Wanted { slot, .. } in self.jobs.values().flat_map(|row| row.slots.iter().flatten()) {
            if matches!(slot.fate(), Fate::Open) {
                slot.failed(Ended::Gone(Arc::clone(why)));
            }
        }
    }
}

/// The answer to a question of this number is for nobody.
const FOR_NOBODY: u32 = u32::MAX;

/// What is to be said of tasks of a job that are to be run to their end.
fn errands(job: u32, row: &FutureJob) -> Option<Message> {
    let slots = (0..).zip(&row.slots).filter_map(|(task, place)| Some((task, place.as_ref()?)));
    let tasks = slots.filter(|(_, wanted)| wanted.slot.is_errand()).map(|(task, _)| wire::Task { job, task });
    let tasks: Vec<wire::Task> = tasks.collect();
    let question = Some(wire::ask::Question::Detach(wire::Detach { tasks: tasks.clone() }));
    let ask = wire::Ask { request: FOR_NOBODY, question, ..wire::Ask::default() };
    (!tasks.is_empty()).then_some(Message::Ask(ask))
}

/// The job that a message is about.
fn job_of(message: &to_driver::Message) -> Option<u32> {
    use to_driver::Message;
    Some(match message {
        Message::ResultReady(ready) => ready.job,
        Message::ResultLost(lost) => lost.job,
        Message::ResultFailed(failed) => failed.job,
        Message::JobFailed(failed) => failed.job,
        Message::JobFinished(finished) => finished.job,
        Message::Progress(progress) => progress.job,
        Message::JobAccepted(accepted) => accepted.job,
        Message::Heartbeat(_) | Message::Ending(_) | Message::Answer(_) => return None,
    })
}

/// Why this call cannot be made: what it reads will never be there.
fn inherited(spec: &Spec) -> Option<Ended> {
    spec.inputs.iter().find_map(|input| match input.slot.fate() {
        Fate::Failed(ended @ Ended::Gone(_)) => Some(ended),
        Fate::Failed(Ended::Failed { message, exit_code }) => {
            let message = match message.contains(", whose result is needed here, failed: ") {
                true => message,
                false => format!("{}, whose result is needed here, failed: {message}", input.slot.name()).into(),
            };
            Some(Ended::Failed { message, exit_code })
        }
        Fate::Open | Fate::Ready(..) => None,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::recipe::Recipe;
    use super::*;

    fn spec() -> Spec {
        let (function, body, set) = (Bytes::new(), Bytes::new(), Arc::from("f"));
        let (inputs, places) = (Vec::new(), Vec::new());
        let recipe = Arc::new(Recipe { function, set, options: None, body, inputs, places, input_bytes: 0 });
        Spec { recipe, inputs: Vec::new(), once: true }
    }

    #[test]
    fn a_drop_from_before_a_retry_is_none_after_it() {
        let slot = Arc::new(Slot::new("f", Key([0; 16])));
        let (mut table, mut next) = (FutureTable::new(true), 1);
        let mut take = |wishes| {
            let show = |message| {
                if let Message::SubmitJob(job) = &message {
                    return format!("submit {}", job.job);
                }
                let Message::ReleaseJob(job) = message else { panic!("{message:?}") };
                format!("release {}", job.job)
            };
            table.take(wishes, &mut next).into_iter().map(show).collect::<Vec<_>>()
        };
        let dropped = || Wish::Drop(Arc::clone(&slot));
        let retry = || Wish::Retry(Arc::clone(&slot), spec());
        assert_eq!(take(vec![Wish::Submit(Arc::clone(&slot), spec())]), ["submit 1"]);
        assert_eq!(take(vec![dropped(), retry()]), ["release 1", "submit 2"]);
        assert_eq!(take(vec![retry(), dropped()]), ["release 2", "submit 3", "release 3"]);
        assert_eq!(take(vec![retry()]), ["submit 4"]);
        assert_eq!(take(vec![dropped()]), ["release 4"]);
    }

    #[test]
    fn neighbours_are_one_range() {
        let read = ranges([(4, 1), (4, 2), (4, 3), (9, 4), (9, 5), (4, 4)].into_iter(), 9);
        let brief: Vec<_> = read.iter().map(|range| (range.job, range.first, range.count)).collect();
        assert_eq!(brief, [(Some(4), 1, 3), (None, 4, 2), (Some(4), 4, 1)]);
    }
}
