//! What the drivers of an application share beside results: variables, queues and semaphores, by name.
//!
//! A question that can be answered is answered at once; one that cannot waits, if it may, in the order in which it came.
//! Leases and waiting questions are their driver's and end with it; values stay until somebody deletes or takes them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::ids::{DriverId, Time};
use crate::questions::{Answer, Question};

/// Bytes of all values together, at most: they are kept in the application master's memory.
const MOST_BYTES: usize = 64 << 20;
/// Names of one kind, and bytes of a name, at most.
const MOST_NAMES: usize = 1 << 16;
const LONGEST_NAME: usize = 1024;
/// Leases of one semaphore, and waiting questions of one name, at most.
const MOST_WAITING: usize = 1 << 16;

/// Who asked, and its number of the question.
pub(crate) type Asker = (DriverId, u32);
/// Answers on their way.
pub(crate) type Answers = Vec<(Asker, Answer)>;

/// A question that waits.
#[derive(Debug)]
struct Waiting<T> {
    asker: Asker,
    until: Option<Time>,
    wants: T,
}

/// What is to be put into a queue, and how many it may hold.
type Parcel = (Arc<[u8]>, Option<u32>);

#[derive(Debug, Default)]
struct Variable {
    value: Option<Arc<[u8]>>,
    waiting: VecDeque<Waiting<()>>,
}

#[derive(Debug, Default)]
struct Queue {
    values: VecDeque<Arc<[u8]>>,
    takers: VecDeque<Waiting<()>>,
    givers: VecDeque<Waiting<Parcel>>,
}

#[derive(Debug, Default)]
struct Semaphore {
    leases: Vec<Asker>,
    /// Each with the limit that it was asked with.
    waiting: VecDeque<Waiting<u32>>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Commons {
    variables: BTreeMap<String, Variable>,
    queues: BTreeMap<String, Queue>,
    semaphores: BTreeMap<String, Semaphore>,
    bytes: usize,
}

impl Commons {
    /// Answer a question, now or later; and those that can be answered because of it. Datasets are not ours.
    pub fn ask(&mut self, now: Time, asker: Asker, question: Question) -> Answers {
        let until = |wait: Option<Duration>| wait.map(|wait| now + wait);
        let mut answers = Answers::new();
        if let Some(refusal) = question.name().and_then(|name| self.no_name(&question, name)) {
            return vec![(asker, refusal)];
        }
        let name = question.name().map(str::to_owned).unwrap_or_default();
        let at_once = question.wait() == Some(Duration::ZERO);
        match question {
            Question::Set { name, value } => self.set(asker, name, value, &mut answers),
            Question::Get { name, wait } => {
                let row = self.variables.entry(name).or_default();
                match &row.value {
                    Some(value) => answers.push((asker, Answer::Value(Arc::clone(value)))),
                    None => {
                        enqueue(&mut row.waiting, Waiting { asker, until: until(wait), wants: () }, &mut answers);
                    }
                }
            }
            Question::Delete { name } => {
                let gone = self.variables.get_mut(&name).and_then(|row| row.value.take());
                self.bytes -= gone.map_or(0, |value| value.len());
                answers.push((asker, Answer::Done));
            }
            Question::Push { name, value, limit, wait } => {
                if let Some(refusal) = self.no_room(value.len()) {
                    answers.push((asker, refusal));
                } else {
                    let giver = Waiting { asker, until: until(wait), wants: (value, limit) };
                    self.give(name, giver, &mut answers);
                }
            }
            // It had room before, and may find others there: as much again is kept, and no more.
            Question::PutBack { value, .. } if self.bytes.saturating_add(value.len()) > 2 * MOST_BYTES => {
                answers.push((asker, Answer::Refused("there is no room any more for what is put back".to_owned())));
            }
            Question::PutBack { name, value } => {
                self.bytes += value.len();
                self.queues.entry(name.clone()).or_default().values.push_front(value);
                answers.push((asker, Answer::Done));
                self.serve_queue(&name, &mut answers);
            }
            Question::Pop { name, wait } => {
                let row = self.queues.entry(name.clone()).or_default();
                enqueue(&mut row.takers, Waiting { asker, until: until(wait), wants: () }, &mut answers);
                self.serve_queue(&name, &mut answers);
            }
            Question::Count { name } => {
                let count = self.queues.get(&name).map_or(0, |row| row.values.len());
                answers.push((asker, Answer::Count(count as u32)));
            }
            Question::Acquire { name, limit, wait } => {
                let row = self.semaphores.entry(name.clone()).or_default();
                enqueue(&mut row.waiting, Waiting { asker, until: until(wait), wants: limit }, &mut answers);
                self.serve_semaphore(&name, &mut answers);
            }
            Question::Release { name, lease } => {
                if let Some(row) = self.semaphores.get_mut(&name) {
                    row.leases.retain(|&held| held != (asker.0, lease));
                }
                answers.push((asker, Answer::Done));
                self.serve_semaphore(&name, &mut answers);
            }
            Question::Publish { .. }
            | Question::Unpublish { .. }
            | Question::Open { .. }
            | Question::List
            | Question::Explain { .. }
            | Question::Story { .. }
            | Question::Dump
            | Question::Place(_)
            | Question::Workers
            | Question::Detach { .. } => {}
        }
        // Who may not wait at all is told so at once.
        if at_once {
            answers.extend(self.expire(now));
        }
        self.tidy_up(&name);
        answers
    }

    fn set(&mut self, asker: Asker, name: String, value: Arc<[u8]>, answers: &mut Answers) {
        let before = self.variables.get(&name).and_then(|row| row.value.as_ref()).map_or(0, |value| value.len());
        if let Some(refusal) = self.no_room(value.len().saturating_sub(before)) {
            return answers.push((asker, refusal));
        }
        self.bytes = self.bytes + value.len() - before;
        let row = self.variables.entry(name).or_default();
        row.value = Some(Arc::clone(&value));
        answers.push((asker, Answer::Done));
        answers.extend(row.waiting.drain(..).map(|waiting| (waiting.asker, Answer::Value(Arc::clone(&value)))));
    }

    /// Values that wait for room count, too: they are kept as well.
    fn give(&mut self, name: String, giver: Waiting<Parcel>, answers: &mut Answers) {
        let (bytes, row) = (giver.wants.0.len(), self.queues.entry(name.clone()).or_default());
        if enqueue(&mut row.givers, giver, answers) {
            self.bytes += bytes;
        }
        self.serve_queue(&name, answers);
    }

    /// Let in what there is room for, and give what there is to those who wait.
    fn serve_queue(&mut self, name: &str, answers: &mut Answers) {
        let Some(row) = self.queues.get_mut(name) else { return };
        loop {
            let fits = |giver: &Waiting<Parcel>| giver.wants.1.is_none_or(|limit| row.values.len() < limit as usize);
            if row.givers.front().is_some_and(fits) {
                let Some(giver) = row.givers.pop_front() else { return };
                row.values.push_back(giver.wants.0);
                answers.push((giver.asker, Answer::Done));
                continue;
            }
            // A queue that holds none passes on from hand to hand.
            let passing = row.givers.front().filter(|giver| giver.wants.1 == Some(0)).is_some();
            if row.takers.is_empty() || row.values.is_empty() && !passing {
                return;
            }
            let value = row.values.pop_front().or_else(|| {
                let giver = row.givers.pop_front()?;
                answers.push((giver.asker, Answer::Done));
                Some(giver.wants.0)
            });
            if let (Some(value), Some(taker)) = (value, row.takers.pop_front()) {
                self.bytes -= value.len();
                answers.push((taker.asker, Answer::Value(value)));
            }
        }
    }

    fn serve_semaphore(&mut self, name: &str, answers: &mut Answers) {
        let Some(row) = self.semaphores.get_mut(name) else { return };
        while row.waiting.front().is_some_and(|waiting| row.leases.len() < waiting.wants as usize) {
            let Some(waiting) = row.waiting.pop_front() else { return };
            row.leases.push(waiting.asker);
            answers.push((waiting.asker, Answer::Done));
        }
    }

    /// Why something of this name cannot be made.
    fn no_name(&self, question: &Question, name: &str) -> Option<Answer> {
        if let Some(refusal) = too_long(name) {
            return Some(refusal);
        }
        let (known, count) = match question {
            Question::Set { .. } | Question::Get { .. } => (self.variables.contains_key(name), self.variables.len()),
            Question::Push { .. } | Question::Pop { .. } | Question::PutBack { .. } => {
                (self.queues.contains_key(name), self.queues.len())
            }
            Question::Acquire { .. } => (self.semaphores.contains_key(name), self.semaphores.len()),
            Question::Delete { .. }
            | Question::Count { .. }
            | Question::Release { .. }
            | Question::Publish { .. }
            | Question::Unpublish { .. }
            | Question::Open { .. }
            | Question::List
            | Question::Explain { .. }
            | Question::Story { .. }
            | Question::Dump
            | Question::Place(_)
            | Question::Workers
            | Question::Detach { .. } => return None,
        };
        let full = !known && count >= MOST_NAMES;
        full.then(|| Answer::Refused(format!("there are {MOST_NAMES} of these already: delete what nobody needs")))
    }

    fn no_room(&self, more: usize) -> Option<Answer> {
        (self.bytes.saturating_add(more) > MOST_BYTES).then(|| {
            Answer::Refused(format!(
                "values of variables and queues have {} bytes, and {more} more would be over the {MOST_BYTES} that the application \
                 master keeps: publish large data as a dataset",
                self.bytes
            ))
        })
    }

    /// Time passes: those whose time is over are told so.
    pub fn expire(&mut self, now: Time) -> Answers {
        let is_late = |until: Option<Time>| until.is_some_and(|until| until <= now);
        let late = self.leave(|_, until| is_late(until));
        let mut answers: Answers = late.into_iter().map(|asker| (asker, Answer::TimedOut)).collect();
        if !answers.is_empty() {
            self.serve_all(&mut answers);
        }
        answers
    }

    /// This question waits no more, and is answered so, unless it was answered before. Others behind it may be next.
    pub fn withdraw(&mut self, asker: Asker) -> Answers {
        let mut answers: Answers =
            self.leave(|other, _| other == asker).into_iter().map(|asker| (asker, Answer::TimedOut)).collect();
        self.serve_all(&mut answers);
        self.tidy();
        answers
    }

    fn serve_all(&mut self, answers: &mut Answers) {
        for name in self.queues.keys().cloned().collect::<Vec<_>>() {
            self.serve_queue(&name, answers);
        }
        for name in self.semaphores.keys().cloned().collect::<Vec<_>>() {
            self.serve_semaphore(&name, answers);
        }
    }

    /// A driver is gone, with its leases and questions.
    pub fn driver_gone(&mut self, driver: DriverId) -> Answers {
        self.leave(|(other, _), _| other == driver);
        let mut answers = Answers::new();
        for row in self.semaphores.values_mut() {
            row.leases.retain(|&(other, _)| other != driver);
        }
        self.serve_all(&mut answers);
        self.tidy();
        answers
    }

    /// Takes out waiting questions; whose they were. Others behind them may be next.
    fn leave(&mut self, goes: impl Fn(Asker, Option<Time>) -> bool) -> Vec<Asker> {
        let mut left = Vec::new();
        for row in self.variables.values_mut() {
            left.extend(take_out(&mut row.waiting, &goes).into_iter().map(|waiting| waiting.asker));
        }
        for row in self.queues.values_mut() {
            left.extend(take_out(&mut row.takers, &goes).into_iter().map(|waiting| waiting.asker));
            for giver in take_out(&mut row.givers, &goes) {
                self.bytes -= giver.wants.0.len();
                left.push(giver.asker);
            }
        }
        for row in self.semaphores.values_mut() {
            left.extend(take_out(&mut row.waiting, &goes).into_iter().map(|waiting| waiting.asker));
        }
        left
    }

    /// What holds nothing and is awaited by nobody is not there: what has this name.
    fn tidy_up(&mut self, name: &str) {
        if self.variables.get(name).is_some_and(|row| row.value.is_none() && row.waiting.is_empty()) {
            self.variables.remove(name);
        }
        let is_over = |row: &Queue| row.values.is_empty() && row.takers.is_empty() && row.givers.is_empty();
        if self.queues.get(name).is_some_and(is_over) {
            self.queues.remove(name);
        }
        if self.semaphores.get(name).is_some_and(|row| row.leases.is_empty() && row.waiting.is_empty()) {
            self.semaphores.remove(name);
        }
    }

    /// So for all names.
    fn tidy(&mut self) {
        self.variables.retain(|_, row| row.value.is_some() || !row.waiting.is_empty());
        self.queues.retain(|_, row| !(row.values.is_empty() && row.takers.is_empty() && row.givers.is_empty()));
        self.semaphores.retain(|_, row| !(row.leases.is_empty() && row.waiting.is_empty()));
    }

    /// Bytes that are kept, counted anew.
    #[cfg(any(test, feature = "invariants"))]
    pub fn check(&self) {
        let values = self.variables.values().filter_map(|row| row.value.as_ref());
        let queued = self.queues.values().flat_map(|row| row.values.iter());
        let waiting = self.queues.values().flat_map(|row| row.givers.iter().map(|giver| &giver.wants.0));
        let bytes: usize = values.chain(queued).chain(waiting).map(|value| value.len()).sum();
        assert_eq!(self.bytes, bytes, "commons_count_their_bytes");
        for (name, row) in &self.queues {
            let meet = !row.takers.is_empty() && !row.values.is_empty();
            assert!(!meet, "nobody_waits_beside_a_value: {name}");
        }
    }
}

/// Names are kept as they are.
pub(crate) fn too_long(name: &str) -> Option<Answer> {
    let length = name.len();
    (length > LONGEST_NAME).then(|| {
        Answer::Refused(format!("its name has {length} bytes, more than {LONGEST_NAME}: choose a shorter one"))
    })
}

/// False if too many wait already.
fn enqueue<T>(queue: &mut VecDeque<Waiting<T>>, waiting: Waiting<T>, answers: &mut Answers) -> bool {
    if queue.len() >= MOST_WAITING {
        let why = format!("{MOST_WAITING} questions wait for this already");
        answers.push((waiting.asker, Answer::Refused(why)));
        return false;
    }
    queue.push_back(waiting);
    true
}

fn take_out<T>(queue: &mut VecDeque<Waiting<T>>, goes: impl Fn(Asker, Option<Time>) -> bool) -> Vec<Waiting<T>> {
    let (gone, stay) = std::mem::take(queue).into_iter().partition(|row| goes(row.asker, row.until));
    *queue = stay;
    gone.into()
}

#[cfg(test)]
mod tests;
