//! Results of earlier jobs that a job reads.
//!
//! Each has a row after the job's own tasks, so that groups, waiting and placing know one kind of input only. Such a
//! row is `Done` while the earlier job has the result, and `Away` otherwise; its uses tell the earlier job, once it is
//! released, what it must keep.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::event::{Graph, InputRange};
use crate::failing::Failure;
use crate::groups::MOST_MEMBERS;
use crate::ids::{JobId, TaskId, WorkerId};
use crate::job::{GraphError, Job, State};
use crate::lineage::Effects;

/// Results of one earlier job, from the first to the last that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// Whose.
    pub job: JobId,
    /// The driver's numbers of that job: its own, and that of a job that it shares.
    numbers: BTreeSet<u32>,
    /// Their numbers there.
    pub tasks: Range<u32>,
    /// The application's number of the first.
    first_task: TaskId,
    /// The row of the first in the job that reads.
    first_row: u32,
}

/// All that a job reads of others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Imports(Vec<Import>);

impl Import {
    /// The row of that job's task.
    pub fn row(&self, task: u32) -> u32 {
        self.first_row + (task - self.tasks.start)
    }

    fn rows(&self) -> Range<u32> {
        self.first_row..self.first_row + self.tasks.len() as u32
    }
}

impl Imports {
    /// What the graph reads of its driver's other jobs; `find` knows those that can be read by their numbers.
    pub fn resolve<'a>(graph: &Graph, find: impl Fn(u32) -> Option<&'a Job>) -> Result<Imports, GraphError> {
        let own = graph.sets.iter().map(|set| set.tasks.len()).sum::<usize>();
        let mut first_row = u32::try_from(own).map_err(|_| GraphError::TooLarge)?;
        let mut imports = Vec::new();
        for (job, Source { numbers, tasks, first_task }) in what_is_read(graph, &find)? {
            let next = first_row.checked_add(tasks.len() as u32).ok_or(GraphError::TooLarge)?;
            imports.push(Import { job, numbers, first_task: TaskId(first_task.0 + tasks.start), first_row, tasks });
            first_row = next;
        }
        Ok(Imports(imports))
    }

    /// Rows instead of the earlier job's numbers.
    pub fn renumber(&self, input: &mut InputRange) {
        let Some(number) = input.job.filter(|_| input.count > 0) else { return };
        if let Some(import) = self.0.iter().find(|import| import.numbers.contains(&number)) {
            input.first = import.row(input.first);
        }
    }

    /// Each earlier job.
    pub fn iter(&self) -> impl Iterator<Item = &Import> {
        self.0.iter()
    }

    /// How many rows they have.
    pub fn len(&self) -> u32 {
        self.0.iter().map(|import| import.tasks.len() as u32).sum()
    }

    /// What is read of this job.
    pub fn of(&self, job: JobId) -> Option<&Import> {
        self.0.iter().find(|import| import.job == job)
    }

    /// The job that a row belongs to, and the task's number there.
    pub fn source(&self, row: u32) -> Option<(&Import, u32)> {
        let import = self.0.iter().find(|import| import.rows().contains(&row))?;
        Some((import, import.tasks.start + (row - import.first_row)))
    }

    /// The application's number of the task of a row.
    pub fn task_id(&self, row: u32) -> Option<TaskId> {
        let (import, task) = self.source(row)?;
        Some(TaskId(import.first_task.0 + (task - import.tasks.start)))
    }

    /// The row of a task by the application's number.
    pub fn row_of(&self, task: TaskId) -> Option<u32> {
        self.0.iter().find_map(|import| {
            let position = task.0.checked_sub(import.first_task.0)?;
            (position < import.tasks.len() as u32).then(|| import.first_row + position)
        })
    }

    /// What people call the task of a row.
    pub fn name(&self, row: u32) -> Option<String> {
        let (import, task) = self.source(row)?;
        let number = import.numbers.first().copied().unwrap_or_default();
        Some(format!("task {task} of job {number}"))
    }
}

/// What is read of another job.
struct Source {
    /// By these numbers.
    numbers: BTreeSet<u32>,
    /// From the first to the last result.
    tasks: Range<u32>,
    /// The application's number of the job's first task.
    first_task: TaskId,
}

/// What is read of each other job.
fn what_is_read<'a>(
    graph: &Graph,
    find: impl Fn(u32) -> Option<&'a Job>,
) -> Result<BTreeMap<JobId, Source>, GraphError> {
    let mut seen = BTreeSet::new();
    let mut members = 0;
    let mut read: BTreeMap<JobId, Source> = BTreeMap::new();
    for (task, request) in (0..).zip(graph.sets.iter().flat_map(|set| &set.tasks)) {
        for (job, input) in request.inputs.iter().filter_map(|input| Some((input.job?, input))) {
            if input.count == 0 || !seen.insert((job, input.first, input.count)) {
                continue;
            }
            let source = find(job).ok_or(GraphError::NoSuchJob { task, job })?;
            let range = kept(source, input).map_err(|input| GraphError::NotKept { task, job, input })?;
            members += u64::from(input.count);
            if members > MOST_MEMBERS {
                return Err(GraphError::TooLarge);
            }
            let (numbers, first_task) = (BTreeSet::new(), source.task_id(0));
            let all = read.entry(source.id).or_insert_with(|| Source { numbers, tasks: range.clone(), first_task });
            all.numbers.insert(job);
            all.tasks = all.tasks.start.min(range.start)..all.tasks.end.max(range.end);
        }
    }
    Ok(read)
}

/// The range, if all of it is kept by its job; else a task that is not.
fn kept(job: &Job, input: &InputRange) -> Result<Range<u32>, u32> {
    let end = input.first.checked_add(input.count).ok_or(input.first)?;
    let is_kept = |task: u32| task < job.len() && (job.task(task).wanted || job.task(task).readable);
    match (input.first..end).find(|&task| !is_kept(task)) {
        Some(task) => Err(task),
        None => Ok(input.first..end),
    }
}

/// A result that is there, one that is not, or one that never will be.
pub(crate) type Outcome = Result<Option<(WorkerId, u64)>, Failure>;

impl Job {
    /// The result of a task, if it is there.
    pub fn result(&self, index: u32) -> Option<(WorkerId, u64)> {
        match self.task(index).state {
            State::Done { worker, bytes } => Some((worker, bytes)),
            State::Idle
            | State::Sought { .. }
            | State::Waiting { .. }
            | State::Ready { .. }
            | State::Delayed { .. }
            | State::Assigned { .. }
            | State::Skipped
            | State::Away
            | State::Failed => None,
        }
    }

    /// What became of a task's result, for those that read it in other jobs.
    pub fn outcome(&self, index: u32) -> Outcome {
        match self.failures.get(&index) {
            Some(failure) => Err(failure.of_reader(|| self.task_name(index))),
            None => Ok(self.result(index)),
        }
    }

    /// Make the row of an earlier job's task say what became of its result.
    pub fn follow(&mut self, row: u32, outcome: Outcome, effects: &mut Effects) {
        let before = self.result(row);
        let result = match outcome {
            Ok(result) => result,
            Err(failure) if self.independent => return self.fail(row, failure, effects),
            Err(failure) => {
                effects.fatal = Some(failure);
                return;
            }
        };
        if before == result {
            return;
        }
        if let (Some(_), Some((worker, bytes))) = (before, result) {
            return self.relocate(row, worker, bytes);
        }
        if before.is_some() {
            self.task_mut(row).state = State::Away;
            self.lose_memberships(row, effects);
        }
        if let Some((worker, bytes)) = result {
            self.task_mut(row).state = State::Done { worker, bytes };
            self.feed_readers(row, effects);
        }
    }

    /// Do its tasks that have yet to run need what this row stands for?
    pub fn needs_import(&self, job: JobId, task: u32) -> bool {
        let import = self.imports.of(job).filter(|import| import.tasks.contains(&task));
        import.is_some_and(|import| self.task(import.row(task)).uses > 0)
    }

    /// Others need the result of this task of a released job, or they do not any more.
    pub fn keep(&mut self, index: u32, kept: bool, effects: &mut Effects) {
        let task = self.task_mut(index);
        let was_kept = std::mem::replace(&mut task.root, kept);
        task.wanted = kept;
        match (was_kept, kept) {
            (false, true) => {
                let used_up = task.done && !matches!(task.state, State::Done { .. } | State::Failed);
                if used_up {
                    task.done = false;
                    self.counts.done -= 1;
                }
                self.roots_left += u32::from(!self.task(index).done);
                self.need(index, effects);
            }
            (true, false) => {
                let (done, used) = (task.done, task.uses > 0);
                self.roots_left -= u32::from(!done);
                if !used {
                    let mut stack = Vec::new();
                    self.give_up(index, &mut stack, effects);
                    self.give_up_inputs(stack, effects);
                }
            }
            (true, true) | (false, false) => {}
        }
    }
}
