//! One job: its tasks, who reads whose result, and how far it is.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::action::Audience;
use crate::classes::{Class, ClassId, Classes, Lacking};
use crate::event::{Graph, TaskRequest, TaskSet};
use crate::failing::Failure;
use crate::forecast::{Forecast, Mean, Unlikely};
use crate::former::Formerly;
use crate::groups::Groups;
use crate::hosts::Hosts;
use crate::ids::{DriverId, HostId, JobId, TaskId, Time, WorkerId};
use crate::imports::Imports;
use crate::limit::Limits;
use crate::lists::Lists;
use crate::pace::{Pace, PaceId, Paces};
use crate::trouble::Trouble;

/// What a task does now.
///
/// ```text
/// Idle -> Waiting -> Ready -> Assigned -> Done      Skipped: from any of these, for good
///  ^        ^         |  ^       |         |
///  |        +---------+  +-Delayed  (failed: again, at once or later)
///  +------- result used up or lost --------+       Away <-> Done: a task of an earlier job
///
/// Failed: from any of these but Done and Skipped, for good; in independent jobs only
///
/// Idle -> Sought -> Done, or as any other: it was a task of an application master before ours (see `former`)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nobody needs its result.
    Idle,
    /// Its result may be on a worker since before our time: on this one, which was asked for it, or on one that is expected.
    Sought { asked: Option<WorkerId> },
    /// So many of its reads lack results.
    Waiting { missing: u32 },
    /// Waits for a worker, since then.
    Ready { since: Time },
    /// May be tried again from then on.
    Delayed { until: Time },
    /// A worker has it.
    Assigned { worker: WorkerId },
    /// Its result is on this worker.
    Done { worker: WorkerId, bytes: u64 },
    /// There are enough rows without it: its result is none.
    Skipped,
    /// An earlier job's, and its result is not there.
    Away,
    /// It has no result, and never will.
    Failed,
}

/// One task.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub state: State,
    /// Assignments so far.
    pub attempt: u32,
    /// Groups to which it belongs and which tasks read that are neither idle nor done.
    pub uses: u32,
    pub input_bytes: u64,
    /// Is its result kept when no task of its job reads it any more? Because the driver may fetch it, or, after the job
    /// was released, because other jobs need it.
    pub wanted: bool,
    /// Is the job over only when it is done?
    pub root: bool,
    /// Was it done, and its result not lost before its use? Or did it fail?
    pub done: bool,
    /// Does the driver want its result no more, although it wants others of the job?
    pub released: bool,
    /// May later jobs read it, although the driver does not want it itself?
    pub readable: bool,
}

/// Counters for people.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub done: u32,
    pub skipped: u32,
    pub running: u32,
    pub retries: u32,
    pub node_local: u32,
    pub rack_local: u32,
    pub remote: u32,
    pub first_task: Option<Time>,
    pub last_task: Option<Time>,
}

/// Somebody who keeps a result alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holder {
    /// A dataset by its number.
    Dataset(u32),
    /// A driver that has opened one.
    Driver(DriverId),
    /// The task itself, until it is done or has failed: it is run for its effect.
    Errand,
}

/// What the tasks of a set have in common.
#[derive(Debug)]
pub(crate) struct Set {
    pub name: String,
    /// Where it ends.
    end: u32,
    /// If they do not simply take their turn.
    pub class: Option<ClassId>,
    /// Failures of its own that each is forgiven.
    pub retries: u32,
    /// Can they run in processes of their own?
    pub isolatable: bool,
    /// May a task that takes long be tried twice at the same time?
    pub may_speculate: bool,
    /// How long its tasks take.
    pub pace: Pace,
    /// Of calls, how long those of all sets take that are called so.
    pub shared_pace: Option<PaceId>,
    /// Milliseconds that each is expected to take by its driver.
    expected: Option<f64>,
}

/// What a graph's names are looked up in.
pub(crate) struct Names<'a> {
    pub hosts: &'a mut Hosts,
    pub classes: &'a mut Classes,
    /// What each worker has, in thousandths.
    pub resources: &'a [(String, u64)],
    pub paces: &'a mut Paces,
}

/// One job.
#[derive(Debug)]
pub(crate) struct Job {
    pub id: JobId,
    pub driver: DriverId,
    /// The driver's own number of it.
    pub number: u32,
    /// Number of its first task.
    pub first: u32,
    /// Its own tasks, then a row for each result that it reads of other jobs.
    pub tasks: Vec<Task>,
    /// How many tasks it has itself.
    own: u32,
    pub imports: Imports,
    /// Jobs that read its results.
    pub dependents: BTreeSet<JobId>,
    pub limits: Limits,
    /// What it was with a former application master.
    pub formerly: Option<Formerly>,
    /// Do its tasks fail alone?
    pub independent: bool,
    /// Results that live for datasets and for drivers that have opened these, and tasks that are run for themselves.
    pub holders: BTreeMap<u32, BTreeSet<Holder>>,
    /// Why each row that failed did so.
    pub failures: BTreeMap<u32, Failure>,
    sets: Vec<Set>,
    /// Tasks that can never run, and why. Of independent jobs: others are refused.
    pub refused: Vec<(Range<u32>, String)>,
    /// Does a set of it have a class?
    has_classes: bool,
    pub places: Lists<HostId>,
    pub groups: Groups,
    /// Places that replace those of `places`: the hosts of its inputs, or what its failures leave.
    pub moved: BTreeMap<u32, Vec<HostId>>,
    pub troubles: BTreeMap<u32, Trouble>,
    pub counts: Counts,
    /// Roots that are not done.
    pub roots_left: u32,
    /// Was its end announced?
    pub finished: bool,
    /// Its driver wants no more of it: it lives for its dependents, and nothing is said about it.
    pub released: bool,
    /// How long its tasks take, in milliseconds.
    pub mean_task: Mean,
    /// Bytes of their results, if their driver has said what it expects.
    pub mean_size: Mean,
    /// Has it said of some how long they take?
    is_timed: bool,
}

/// Why a graph of tasks cannot be run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GraphError {
    /// An input must come before its reader.
    #[error(
        "task {task} reads the result of task {input}, which does not come before it: number tasks in the order of their inputs"
    )]
    InputNotEarlier { task: u32, input: u32 },
    /// Another job must be there to be read.
    #[error(
        "task {task} reads a result of job {job}, which is not there: it was not submitted before, it failed, or it was released"
    )]
    NoSuchJob { task: u32, job: u32 },
    /// Only what the driver may fetch is kept.
    #[error(
        "task {task} reads the result of task {input} of job {job}, which is not kept: it is among neither the wanted nor the readable tasks of that job"
    )]
    NotKept { task: u32, job: u32, input: u32 },
    /// What is not made cannot be fetched.
    #[error(
        "task {task} is wanted, but may be skipped: its set is to stop when enough rows are there; let another task read the set"
    )]
    WantedMayBeSkipped { task: u32 },
    /// Without its input, it has no sense.
    #[error("it reads a result that will never be there: {why}")]
    InputFailed { why: String },
    /// A set that is complete without some of its tasks and a task that fails alone say different things of a result.
    #[error("set '{set}' is to stop when enough rows are there, but the tasks of an independent job end one by one")]
    IndependentLimit { set: String },
    /// Whoever says something says what can be.
    #[error("the tasks of '{set}' are said to {why}")]
    Unlikely { set: String, why: Unlikely },
    /// The driver wants what is not there.
    #[error("task {task} is wanted, but the job has only {count} tasks")]
    WantedMissing { task: u32, count: u32 },
    /// Such a task would wait for ever.
    #[error(
        "the tasks of '{set}' ask for {} of '{name}' each, and each worker has {} (--worker-resources; of a \
         program in its own process, BOBBIN_WORKER_RESOURCES)",
        thousandths(*asked),
        thousandths(*each_has)
    )]
    NoSuchResource { set: String, name: String, asked: u64, each_has: u64 },
    /// More than `u32` can number.
    #[error("the job has more tasks, places or inputs than can be numbered: split it into several jobs")]
    TooLarge,
}

impl Task {
    fn new(state: State, input_bytes: u64) -> Task {
        Task {
            state,
            attempt: 0,
            uses: 0,
            input_bytes,
            wanted: false,
            root: false,
            done: false,
            released: false,
            readable: false,
        }
    }
}

impl Job {
    /// A job without tasks. Their numbers will start at `first`.
    pub fn new(owner: (DriverId, JobId), first: u32, imports: Imports) -> Job {
        let (driver, id) = owner;
        Job {
            id,
            driver,
            number: 0,
            first,
            tasks: Vec::new(),
            own: 0,
            imports,
            dependents: BTreeSet::new(),
            limits: Limits::default(),
            formerly: None,
            independent: false,
            holders: BTreeMap::new(),
            failures: BTreeMap::new(),
            sets: Vec::new(),
            refused: Vec::new(),
            has_classes: false,
            places: Lists::default(),
            groups: Groups::default(),
            moved: BTreeMap::new(),
            troubles: BTreeMap::new(),
            counts: Counts::default(),
            roots_left: 0,
            finished: false,
            released: false,
            mean_task: Mean::default(),
            mean_size: Mean::default(),
            is_timed: false,
        }
    }

    /// The job with the tasks of this graph, none of them begun, and nothing there of what it reads of other jobs.
    pub fn build(mut self, graph: Graph, names: &mut Names<'_>) -> Result<Job, GraphError> {
        self.number = graph.number;
        self.independent = graph.independent;
        let hosts: Vec<HostId> = graph.hosts.iter().map(|name| names.hosts.intern(name)).collect();
        self.make_room(&graph);
        for set in graph.sets {
            let start = self.len();
            let ((class, forecast), refusal) = match of_options(&set, names) {
                Err(error) if self.independent => ((None, Forecast::default()), Some(error)),
                found => (found?, None),
            };
            let only_on = class.map(|class| names.classes.get(class).clone());
            for request in set.tasks {
                self.push(request, &hosts, only_on.as_ref())?;
            }
            if let Some(rows) = set.rows_wanted.filter(|&rows| rows > 0) {
                if self.independent {
                    return Err(GraphError::IndependentLimit { set: set.name });
                }
                self.limits.push(start..self.len(), rows);
            }
            self.refused.extend(refusal.map(|error| (start..self.len(), error.to_string())));
            let (name, end, options) = (set.name, self.len(), set.options);
            self.has_classes |= class.is_some();
            let (retries, isolatable, may_speculate) = (options.retries, options.isolatable, !options.no_speculation);
            let pace = Pace::of(end - start);
            self.expect(end - start, forecast);
            let shared_pace = if self.independent { names.paces.add(&name, end - start) } else { None };
            let expected = forecast.millis;
            self.sets.push(Set { name, end, class, retries, isolatable, may_speculate, pace, shared_pace, expected });
        }
        let imported = Task { wanted: true, ..Task::new(State::Away, 0) };
        self.tasks.resize((self.own + self.imports.len()) as usize, imported);
        self.groups.close(self.tasks.len() as u32)?;
        self.mark_roots(&graph.wanted, &graph.readable)?;
        Ok(self)
    }

    fn make_room(&mut self, graph: &Graph) {
        let tasks = || graph.sets.iter().flat_map(|set| &set.tasks);
        self.tasks.reserve_exact(tasks().count() + self.imports.len() as usize);
        self.places.reserve(tasks().count(), tasks().map(|task| task.places.len()).sum());
    }

    /// Of a class that may run on few hosts only, these are the places of a task that names none.
    fn push(&mut self, mut request: TaskRequest, hosts: &[HostId], class: Option<&Class>) -> Result<(), GraphError> {
        let task = self.own;
        request.inputs.iter_mut().for_each(|input| self.imports.renumber(input));
        self.groups.push(task, &request.inputs)?;
        let host_of = |&place: &u32| hosts.get(place as usize).copied();
        let is_first =
            |position: usize, host| !request.places[..position].iter().filter_map(host_of).any(|other| other == host);
        let named = request.places.iter().enumerate().filter_map(|(position, place)| Some((position, host_of(place)?)));
        let named = named.filter(|&(position, host)| is_first(position, host)).map(|(_, host)| host);
        let required = class.filter(|_| request.places.is_empty()).map_or(&[][..], |class| &class.only_on);
        let places = named.chain(required.iter().copied());
        let next = task.checked_add(1).filter(|&next| self.first.checked_add(next).is_some());
        match next {
            Some(next) if self.places.push(places) => self.own = next,
            Some(_) | None => return Err(GraphError::TooLarge),
        }
        self.tasks.push(Task::new(State::Idle, request.input_bytes));
        Ok(())
    }

    fn mark_roots(&mut self, wanted: &[u32], readable: &[u32]) -> Result<(), GraphError> {
        let count = self.len();
        for &task in wanted.iter().chain(readable) {
            if task >= count {
                return Err(GraphError::WantedMissing { task, count });
            }
            if self.limits.cover(task) {
                return Err(GraphError::WantedMayBeSkipped { task });
            }
            self.task_mut(task).wanted = true;
        }
        for &index in readable {
            let task = self.task_mut(index);
            (task.readable, task.released, task.wanted) = (true, true, false);
        }
        for (index, task) in self.tasks.iter_mut().take(count as usize).enumerate() {
            task.root = task.wanted || !task.readable && self.groups.memberships(index as u32).is_empty();
            self.roots_left += u32::from(task.root);
        }
        Ok(())
    }

    /// How many tasks it has.
    pub fn len(&self) -> u32 {
        self.own
    }

    /// Does this row stand for a task of another job?
    pub fn is_import(&self, index: u32) -> bool {
        index >= self.own
    }

    /// Is the driver told of the task's result?
    pub fn is_announced(&self, index: u32) -> bool {
        self.task(index).wanted && !self.task(index).released && !self.released
    }

    /// Does somebody hold the task's result, beside the driver and tasks?
    pub fn is_held(&self, index: u32) -> bool {
        self.holders.contains_key(&index)
    }

    /// Who hears what becomes of the task's result.
    pub fn audience(&self, index: u32) -> Vec<Audience> {
        let owner = self.is_announced(index).then_some(Audience::Owner);
        let holders = self.holders.get(&index).into_iter().flatten();
        let sharers = holders.filter_map(|holder| match holder {
            Holder::Driver(driver) => Some(Audience::Sharer(*driver)),
            Holder::Dataset(_) | Holder::Errand => None,
        });
        owner.into_iter().chain(sharers).collect()
    }

    /// The application's number of a task.
    pub fn task_id(&self, index: u32) -> TaskId {
        let own = TaskId(self.first + index);
        if self.is_import(index) { self.imports.task_id(index).unwrap_or(own) } else { own }
    }

    /// The row of a task by the application's number, be it of this job or of one that it reads.
    pub fn row_of(&self, task: TaskId) -> Option<u32> {
        let own = task.0.checked_sub(self.first).filter(|&index| index < self.own);
        own.or_else(|| self.imports.row_of(task))
    }

    /// The task with this number in the graph.
    pub fn task(&self, index: u32) -> &Task {
        &self.tasks[index as usize]
    }

    /// The task with this number in the graph, to change it.
    pub fn task_mut(&mut self, index: u32) -> &mut Task {
        &mut self.tasks[index as usize]
    }

    /// Where the task should run now.
    pub fn places_now(&self, index: u32) -> &[HostId] {
        match self.moved.get(&index) {
            Some(places) => places,
            None => self.places.of(index as usize),
        }
    }

    /// What to call a task: its set and its number in it.
    pub fn task_name(&self, index: u32) -> String {
        let mut start = 0;
        for Set { name, end, .. } in &self.sets {
            if index < *end {
                return format!("{name}, task {} of {}", index - start + 1, end - start);
            }
            start = *end;
        }
        self.imports.name(index).unwrap_or_else(|| format!("task {index}"))
    }

    /// The set of a task.
    pub fn set_of(&self, index: u32) -> Option<&Set> {
        self.sets.get(self.sets.partition_point(|set| set.end <= index))
    }

    /// Does the task run in a process of its own, because a worker that had it has died?
    pub fn is_isolated(&self, index: u32) -> bool {
        !self.troubles.is_empty() && self.troubles.get(&index).is_some_and(|trouble| trouble.isolated.is_some())
    }

    /// From now on the task runs in a process of its own, if it can, because this worker has died. True if it can.
    pub fn isolate(&mut self, index: u32, dead: WorkerId) -> bool {
        let can = self.set_of(index).is_some_and(|set| set.isolatable);
        if can {
            self.troubles.entry(index).or_default().isolated = Some(dead);
        }
        can
    }

    /// The class of a task, if it does not simply take its turn.
    pub fn class_of(&self, index: u32) -> Option<ClassId> {
        if self.has_classes { self.set_of(index)?.class } else { None }
    }

    /// So many tasks are expected to be so.
    fn expect(&mut self, tasks: u32, forecast: Forecast) {
        if let Some(millis) = forecast.millis {
            self.is_timed = true;
            self.mean_task.expect(tasks, millis);
        }
        if let Some(bytes) = forecast.bytes {
            self.mean_size.expect(tasks, bytes);
        }
    }

    /// Milliseconds that a task takes as far as its driver knows, if nobody has seen one of its like end.
    pub fn expected_millis(&self, index: u32, paces: &Paces) -> Option<f64> {
        let set = self.set_of(index).filter(|_| self.is_timed)?;
        set.expected.filter(|_| set.pace(paces).is_unknown())
    }

    /// Take in how large a result is.
    pub fn learn_size(&mut self, bytes: u64) {
        if self.mean_size.get().is_some() {
            self.mean_size.learn(bytes as f64);
        }
    }

    /// Take in how long a task took.
    pub fn learn_duration(&mut self, index: u32, millis: f64, paces: &mut Paces) {
        let number = self.sets.partition_point(|set| set.end <= index);
        match self.sets.get_mut(number) {
            Some(Set { shared_pace: Some(shared), .. }) => paces.learn(*shared, millis),
            Some(set) => set.pace.learn(millis),
            None => {}
        }
        self.mean_task.learn(millis);
    }
}

impl Set {
    /// How long its tasks and those like them take.
    fn pace<'a>(&'a self, paces: &'a Paces) -> &'a Pace {
        self.shared_pace.map_or(&self.pace, |shared| paces.get(shared))
    }

    /// Milliseconds that its tasks take, by those that have ended or, while these are few, as far as its driver knows.
    pub fn typical(&self, paces: &Paces) -> Option<f64> {
        self.pace(paces).typical().or(self.expected)
    }
}

/// The class of a set, if its tasks do not simply take their turn, and what is expected of them.
fn of_options(set: &TaskSet, names: &mut Names<'_>) -> Result<(Option<ClassId>, Forecast), GraphError> {
    let forecast = Forecast::of(&set.options).map_err(|why| GraphError::Unlikely { set: set.name.clone(), why })?;
    Ok((class_of(set, names)?, forecast))
}

fn class_of(set: &TaskSet, names: &mut Names<'_>) -> Result<Option<ClassId>, GraphError> {
    let class = names.classes.of(&set.options, names.resources, names.hosts);
    class.map_err(|Lacking { name, asked, each_has }| {
        let set = set.name.clone();
        GraphError::NoSuchResource { set, name, asked, each_has }
    })
}

/// "2", or "1.5".
fn thousandths(amount: u64) -> String {
    let text = format!("{}.{:03}", amount / 1000, amount % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{InputRange, TaskSet};

    fn each(inputs: &[u32]) -> Vec<InputRange> {
        inputs.iter().map(|&first| InputRange { first, count: 1, ..InputRange::default() }).collect()
    }

    fn build(inputs: &[&[u32]], wanted: &[u32]) -> Result<Job, GraphError> {
        let task = |&inputs: &&[u32]| TaskRequest { inputs: each(inputs), ..TaskRequest::default() };
        let set = TaskSet { name: "set".into(), tasks: inputs.iter().map(task).collect(), ..TaskSet::default() };
        let graph = Graph { sets: vec![set], wanted: wanted.to_vec(), ..Graph::default() };
        let (hosts, classes) = (&mut Hosts::default(), &mut Classes::default());
        let names = &mut Names { hosts, classes, resources: &[], paces: &mut Paces::default() };
        Job::new((DriverId(1), JobId(1)), 10, Imports::default()).build(graph, names)
    }

    #[test]
    fn graphs_that_cannot_run_are_refused() {
        assert_eq!(build(&[&[0]], &[]).err(), Some(GraphError::InputNotEarlier { task: 0, input: 0 }));
        assert_eq!(build(&[&[], &[7]], &[]).err(), Some(GraphError::InputNotEarlier { task: 1, input: 7 }));
        assert_eq!(build(&[&[]], &[1]).err(), Some(GraphError::WantedMissing { task: 1, count: 1 }));
    }

    #[test]
    fn roots_are_the_wanted_and_the_last() {
        let job = build(&[&[], &[], &[0, 1]], &[0]).expect("a good graph");
        assert_eq!(job.tasks.iter().map(|task| task.root).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(job.roots_left, 2);
        assert_eq!(job.task_name(2), "set, task 3 of 3");
    }
}
