//! Makes tasks of stages: encodes their plans, numbers what they read, and finds the hosts that hold their splits.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use bobbin_blocks::BlockPlaces;
use bytes::Bytes;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::bytes::physical_plan_to_bytes_with_extension_codec;
use prost::Message;

use crate::codec::PlanCodec;
use crate::error::PlanError;
use crate::inputs::{InputsExec, InputsShape, Reading};
use crate::kept::{KeptExec, KeptTable};
use crate::payload::{Body, Shared};
use crate::query::{InputRange, Query, ScanTasks, Stage, TaskPlan};
use crate::scan::{self, ScanExec, Split};
use crate::stages::{StagePlan, Stages, Work};

/// Where the blocks of each file are, by URL.
pub(crate) type Places = BTreeMap<String, Vec<BlockPlaces>>;

/// A query of these stages.
pub(crate) fn query(
    schema: SchemaRef,
    stages: Stages,
    places: &Places,
    batch_rows: usize,
    explanation: String,
) -> Result<Query, PlanError> {
    let numbers = Numbers::new(&stages)?;
    let mut query = Query {
        schema,
        stages: Vec::new(),
        wanted: numbers.tasks(&stages.answer).collect(),
        scans: Vec::new(),
        kept: Vec::new(),
        explanation,
    };
    for (number, stage) in stages.stages.iter().enumerate() {
        let (plan, reads) = numbered(&stage.plan).map_err(PlanError::internal)?;
        query.scans.extend(scan_tasks(stage, numbers.firsts[number], !reads.is_empty()));
        let inputs = |number: usize, part: u32| reads.iter().map(|read| numbers.range(read, number, part)).collect();
        if let Work::Kept(table) = &stage.work {
            query.kept.push(table.clone());
        }
        let is_scan = matches!(stage.work, Work::Splits { .. });
        let shared = Shared::new(encode(&plan)?, batch_rows, is_scan);
        query.stages.push(Stage {
            name: name(number, stage, &stages),
            shared: shared.encode_to_vec().into(),
            tasks: task_plans(stage, places, inputs),
            rows_wanted: stage.rows_wanted.map(|rows| rows as u64),
        });
    }
    Ok(query)
}

/// The name of a stage.
pub(crate) fn name(number: usize, stage: &StagePlan, stages: &Stages) -> String {
    match &stage.work {
        Work::Splits { table, .. } => format!("scan '{table}'"),
        Work::Kept(table) => format!("read '{}'", table.name()),
        Work::Buckets(_) | Work::One { .. } if stages.answer.contains(&number) => "final".into(),
        Work::Buckets(_) => format!("exchange {number}"),
        Work::One { .. } => format!("gather {number}"),
    }
}

/// The tasks of a stage that read splits, if any do.
fn scan_tasks(stage: &StagePlan, first_task: u32, may_skip: bool) -> Option<ScanTasks> {
    let (splits, in_order) = match &stage.work {
        Work::Splits { splits, .. } => (splits, false),
        Work::One { files } if !files.is_empty() => (files, true),
        Work::Kept(_) | Work::Buckets(_) | Work::One { .. } => return None,
    };
    let shape = scan_of(&stage.plan)?.shape();
    Some(ScanTasks {
        first_task,
        table: Arc::clone(&shape.table),
        reading: Arc::clone(&shape.reading),
        splits: Arc::clone(splits),
        in_order,
        may_stop: stage.may_stop,
        may_end: stage.rows_wanted.is_some(),
        may_skip,
    })
}

/// The scan in a plan; a stage has one at most.
fn scan_of(plan: &Arc<dyn ExecutionPlan>) -> Option<&ScanExec> {
    plan.downcast_ref::<ScanExec>().or_else(|| plan.children().into_iter().find_map(scan_of))
}

fn task_plans(stage: &StagePlan, places: &Places, inputs: impl Fn(usize, u32) -> Vec<InputRange>) -> Vec<TaskPlan> {
    let task = |number: u32, splits: &[Split], part: u32| TaskPlan {
        body: Body::new(number, splits).encode_to_vec().into(),
        places: splits.first().map(|first| hosts(first, places)).unwrap_or_default(),
        input_bytes: splits.iter().map(Split::bytes).sum(),
        inputs: inputs(number as usize, part),
    };
    match &stage.work {
        Work::Splits { splits, .. } => {
            (0..).zip(splits.iter()).map(|(number, split)| task(number, std::slice::from_ref(split), 0)).collect()
        }
        Work::Kept(table) => (0..table.parts().len() as u32).map(|number| task(number, &[], 0)).collect(),
        Work::Buckets(buckets) => (0..*buckets as u32).map(|part| task(part, &[], part)).collect(),
        Work::One { files } => vec![task(0, files, 0)],
    }
}

/// The task that looks at one split.
pub(crate) fn split_task(split: &Split, places: Vec<String>) -> TaskPlan {
    let body = Body::new(0, std::slice::from_ref(split)).encode_to_vec().into();
    TaskPlan { body, places, input_bytes: split.bytes(), inputs: Vec::new() }
}

/// The numbers of tasks, through all stages.
struct Numbers {
    /// Number of the first task of each stage, and of the one after the last.
    firsts: Vec<u32>,
}

impl Numbers {
    fn new(stages: &Stages) -> Result<Self, PlanError> {
        let mut firsts = vec![0u32];
        for stage in &stages.stages {
            let tasks = u32::try_from(stage.tasks()).ok();
            let next = tasks.and_then(|tasks| firsts.last()?.checked_add(tasks));
            firsts.push(next.ok_or_else(|| PlanError::Internal("too many tasks".into()))?);
        }
        Ok(Self { firsts })
    }

    fn tasks(&self, stages: &Range<usize>) -> Range<u32> {
        self.firsts[stages.start]..self.firsts[stages.end]
    }

    /// What the task of this number, which works on this part, reads.
    fn range(&self, read: &Read, number: usize, part: u32) -> InputRange {
        match read {
            Read::Results(shape) => {
                let tasks = self.tasks(&shape.stages);
                let part = if matches!(shape.reading, Reading::Hashed { .. }) { part } else { 0 };
                InputRange { job: None, first: tasks.start, count: tasks.end - tasks.start, part }
            }
            Read::Kept(table) => {
                InputRange { job: Some(table.job()), first: table.parts()[number].task, count: 1, part: 0 }
            }
        }
    }
}

/// What a leaf of a stage reads.
enum Read {
    /// Results of other stages.
    Results(InputsShape),
    /// One result of an earlier job: each task its own.
    Kept(KeptTable),
}

/// The plan with its reads numbered through all of its leaves, and these reads, in order.
fn numbered(plan: &Arc<dyn ExecutionPlan>) -> Result<(Arc<dyn ExecutionPlan>, Vec<Read>)> {
    let mut reads: Vec<Read> = Vec::new();
    let mut next = 0;
    let plan = Arc::clone(plan).transform_up(|node| {
        let shape = if let Some(leaf) = node.downcast_ref::<InputsExec>() {
            let inputs = next..next + leaf.shape().inputs.len();
            let shape = InputsShape { inputs, ..leaf.shape().clone() };
            reads.push(Read::Results(shape.clone()));
            shape
        } else if let Some(kept) = node.downcast_ref::<KeptExec>() {
            reads.push(Read::Kept(kept.table().clone()));
            let (reading, constants) = (Reading::InOrder, Vec::new());
            InputsShape { schema: kept.schema(), stages: 0..0, inputs: next..next + 1, reading, constants }
        } else {
            return Ok(Transformed::no(node));
        };
        next = shape.inputs.end;
        Ok(Transformed::yes(Arc::new(InputsExec::new(shape, None)) as Arc<dyn ExecutionPlan>))
    })?;
    Ok((plan.data, reads))
}

/// The hosts that hold most of a split.
pub(crate) fn hosts(split: &Split, places: &Places) -> Vec<String> {
    places.get(&split.file.url).map(|places| scan::hosts(split, places)).unwrap_or_default()
}

fn encode(plan: &Arc<dyn ExecutionPlan>) -> Result<Bytes, PlanError> {
    physical_plan_to_bytes_with_extension_codec(Arc::clone(plan), &PlanCodec::default()).map_err(PlanError::internal)
}
