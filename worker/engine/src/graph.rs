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
        explanation,
    };
    for (number, stage) in stages.stages.iter().enumerate() {
        let (plan, reads) = numbered(&stage.plan).map_err(PlanError::internal)?;
        query.scans.extend(scan_tasks(stage, numbers.firsts[number], !reads.is_empty()));
        let inputs = |part: u32| reads.iter().map(|read| numbers.range(read, part)).collect();
        let is_scan = matches!(stage.work, Work::Splits { .. });
        let shared = Shared::new(encode(&plan)?, batch_rows, is_scan);
        query.stages.push(Stage {
            name: name(number, stage, &stages),
            shared: shared.encode_to_vec().into(),
            tasks: task_plans(stage, places, inputs),
        });
    }
    Ok(query)
}

/// The name of a stage.
pub(crate) fn name(number: usize, stage: &StagePlan, stages: &Stages) -> String {
    match &stage.work {
        Work::Splits { table, .. } => format!("scan '{table}'"),
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
        Work::Buckets(_) | Work::One { .. } => return None,
    };
    let shape = scan_of(&stage.plan)?.shape();
    Some(ScanTasks {
        first_task,
        table: Arc::clone(&shape.table),
        reading: Arc::clone(&shape.reading),
        splits: Arc::clone(splits),
        in_order,
        may_stop: stage.may_stop,
        may_skip,
    })
}

/// The scan in a plan; a stage has one at most.
fn scan_of(plan: &Arc<dyn ExecutionPlan>) -> Option<&ScanExec> {
    plan.downcast_ref::<ScanExec>().or_else(|| plan.children().into_iter().find_map(scan_of))
}

fn task_plans(stage: &StagePlan, places: &Places, inputs: impl Fn(u32) -> Vec<InputRange>) -> Vec<TaskPlan> {
    let task = |number: u32, splits: &[Split], part| TaskPlan {
        body: Body::new(number, splits).encode_to_vec().into(),
        places: splits.first().map(|first| hosts(first, places)).unwrap_or_default(),
        input_bytes: splits.iter().map(Split::bytes).sum(),
        inputs: inputs(part),
    };
    match &stage.work {
        Work::Splits { splits, .. } => {
            (0..).zip(splits.iter()).map(|(number, split)| task(number, std::slice::from_ref(split), 0)).collect()
        }
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

    /// What a task that works on this part reads of the results of other stages.
    fn range(&self, read: &InputsShape, part: u32) -> InputRange {
        let tasks = self.tasks(&read.stages);
        let part = if matches!(read.reading, Reading::Hashed { .. }) { part } else { 0 };
        InputRange { first: tasks.start, count: tasks.end - tasks.start, part }
    }
}

/// The plan with its reads numbered through all of its leaves, and these reads, in order.
fn numbered(plan: &Arc<dyn ExecutionPlan>) -> Result<(Arc<dyn ExecutionPlan>, Vec<InputsShape>)> {
    let mut reads: Vec<InputsShape> = Vec::new();
    let mut next = 0;
    let plan = Arc::clone(plan).transform_up(|node| {
        let Some(leaf) = node.downcast_ref::<InputsExec>() else { return Ok(Transformed::no(node)) };
        let count = leaf.shape().inputs.len();
        let shape = InputsShape { inputs: next..next + count, ..leaf.shape().clone() };
        next += count;
        reads.push(shape.clone());
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
