//! Makes tasks of stages: encodes their plans, and finds the hosts that hold their splits.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use bobbin_blocks::BlockPlaces;
use bytes::Bytes;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::bytes::physical_plan_to_bytes_with_extension_codec;
use prost::Message;

use crate::codec::PlanCodec;
use crate::error::PlanError;
use crate::payload::{Body, Shared};
use crate::query::{Query, ScanTasks, Stage, TaskPlan};
use crate::splits::{self, Split};
use crate::stages::{LastTask, ScanStage, Stages};

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
    let mut query = Query { schema, stages: Vec::new(), wanted: Vec::new(), scans: Vec::new(), explanation };
    let mut tasks: u32 = 0;
    for scan in stages.scans {
        query.scans.push(ScanTasks { first_task: tasks, splits: Arc::clone(&scan.splits), may_stop: scan.may_stop });
        let stage = scan_stage(&scan, places, batch_rows)?;
        tasks += u32::try_from(stage.tasks.len()).map_err(|_| PlanError::Internal("too many tasks".into()))?;
        query.stages.push(stage);
    }
    match stages.last {
        Some(last) => {
            query.stages.push(last_stage(&last, tasks, places, batch_rows)?);
            query.wanted = vec![tasks];
        }
        None => query.wanted = (0..tasks).collect(),
    }
    Ok(query)
}

/// The name of a scan's stage.
pub(crate) fn scan_name(scan: &ScanStage) -> String {
    format!("scan '{}'", scan.table)
}

fn scan_stage(scan: &ScanStage, places: &Places, batch_rows: usize) -> Result<Stage, PlanError> {
    let task = |split: &Split| TaskPlan {
        body: Body::new(std::slice::from_ref(split)).encode_to_vec().into(),
        places: hosts(split, places),
        input_bytes: split.bytes(),
        inputs: Vec::new(),
    };
    let shared = Shared::new(encode(&scan.plan)?, batch_rows, true);
    Ok(Stage {
        name: scan_name(scan),
        shared: shared.encode_to_vec().into(),
        tasks: scan.splits.iter().map(task).collect(),
    })
}

fn last_stage(last: &LastTask, tasks: u32, places: &Places, batch_rows: usize) -> Result<Stage, PlanError> {
    let task = TaskPlan {
        body: Body::new(&last.files).encode_to_vec().into(),
        places: last.files.first().map(|first| hosts(first, places)).unwrap_or_default(),
        input_bytes: last.files.iter().map(Split::bytes).sum(),
        inputs: (0..tasks).collect(),
    };
    let shared = Shared::new(encode(&last.plan)?, batch_rows, false);
    Ok(Stage { name: "final".into(), shared: shared.encode_to_vec().into(), tasks: vec![task] })
}

/// The hosts that hold most of a split.
pub(crate) fn hosts(split: &Split, places: &Places) -> Vec<String> {
    places.get(&split.file.url).map(|places| splits::hosts(split, places)).unwrap_or_default()
}

fn encode(plan: &Arc<dyn ExecutionPlan>) -> Result<Bytes, PlanError> {
    physical_plan_to_bytes_with_extension_codec(Arc::clone(plan), &PlanCodec::default()).map_err(PlanError::internal)
}
