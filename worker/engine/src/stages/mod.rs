//! Cuts a physical plan into stages of tasks that run on their own and read each other's results.
//!
//! A plan of one partition is cut as [`single`] says, one of several as [`exchange`] says. In both, a part of a plan that
//! is not known to work in many tasks runs in one, which reads all results below it: slower, and right by construction.
//! What nodes ask of the order and the division of their rows is checked on every stage ([`crate::requirements`]).

mod branches;
mod exchange;
mod shapes;
mod single;
mod source;

use std::ops::Range;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use crate::inputs::{InputsExec, InputsShape, Reading};
use crate::kept::KeptTable;
use crate::output::{WriteExec, WriteShape};
use crate::scan::Split;

/// A plan in stages.
#[derive(Debug)]
pub(crate) struct Stages {
    /// Stages, each after those that it reads.
    pub stages: Vec<StagePlan>,
    /// Those whose tasks' results, one after the other, are the answer.
    pub answer: Range<usize>,
}

/// One stage.
#[derive(Debug)]
pub(crate) struct StagePlan {
    /// What its tasks do, over all of their partitions. Results that are divided have a `RepartitionExec` on top.
    pub plan: Arc<dyn ExecutionPlan>,
    /// What its tasks are.
    pub work: Work,
    /// A task may leave its split unread when it has all rows that the query wants.
    pub may_stop: bool,
    /// Of its tasks' rows, one result after the other, nobody wants more: when the first tasks have so many, the others
    /// need not run.
    pub rows_wanted: Option<usize>,
}

/// The tasks of a stage.
#[derive(Debug)]
pub(crate) enum Work {
    /// One task for each split.
    Splits {
        /// The table, as the query writes it.
        table: Arc<str>,
        /// The splits.
        splits: Arc<[Split]>,
    },
    /// One task for each result that a kept table consists of.
    Kept(KeptTable),
    /// One task for each part of the divided results that it reads.
    Buckets(usize),
    /// One task.
    One {
        /// Files that it reads itself, in order.
        files: Arc<[Split]>,
    },
}

impl StagePlan {
    /// How many tasks it has.
    pub fn tasks(&self) -> usize {
        match &self.work {
            Work::Splits { splits, .. } => splits.len(),
            Work::Kept(table) => table.parts().len(),
            Work::Buckets(buckets) => *buckets,
            Work::One { .. } => 1,
        }
    }
}

/// Cuts a plan.
pub(crate) fn cut(plan: Arc<dyn ExecutionPlan>, buckets: usize) -> Result<Stages> {
    if let Some(stages) = single::first_rows(&plan)? {
        return Ok(stages);
    }
    if buckets > 1 { exchange::cut(&plan, buckets) } else { single::cut(plan) }
}

/// How many tasks these stages have.
fn tasks(stages: &[StagePlan]) -> usize {
    stages.iter().map(StagePlan::tasks).sum()
}

/// How many partitions a plan has.
fn partitions(plan: &Arc<dyn ExecutionPlan>) -> usize {
    plan.output_partitioning().partition_count()
}

impl Stages {
    /// The same stages, with tasks that write the answer's rows to part files. One file: one task writes all rows.
    pub fn writing(mut self, shape: &WriteShape, single_file: bool) -> Self {
        let tasks: usize = self.stages[self.answer.clone()].iter().map(StagePlan::tasks).sum();
        if single_file && tasks > 1 {
            self.gather();
        }
        for stage in &mut self.stages[self.answer.clone()] {
            stage.plan = Arc::new(WriteExec::new(Arc::clone(&stage.plan), shape.clone(), None));
        }
        self
    }

    /// One more stage, whose only task reads the whole answer in order.
    fn gather(&mut self) {
        let answer = &self.stages[self.answer.clone()];
        let inputs = InputsShape {
            schema: answer[0].plan.schema(),
            stages: self.answer.clone(),
            inputs: 0..answer.iter().map(StagePlan::tasks).sum(),
            reading: Reading::InOrder,
            constants: Vec::new(),
        };
        let plan = Arc::new(InputsExec::new(inputs, None));
        let number = self.stages.len();
        self.stages.push(StagePlan {
            plan,
            work: Work::One { files: Arc::new([]) },
            may_stop: false,
            rows_wanted: None,
        });
        self.answer = number..number + 1;
    }
}
