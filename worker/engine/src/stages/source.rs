//! What the tasks of a stage read that no other stage leaves them: splits of files, or results of an earlier job.

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;

use super::Work;
use crate::kept::KeptExec;
use crate::scan::ScanExec;

/// A leaf that gives a stage one task for each of its partitions.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// Splits of files.
    Scan(&'a ScanExec),
    /// A kept table.
    Kept(&'a KeptExec),
}

impl<'a> Source<'a> {
    /// The source that this node is, if it is one.
    pub fn of(node: &'a Arc<dyn ExecutionPlan>) -> Option<Self> {
        let scan = node.downcast_ref::<ScanExec>().map(Source::Scan);
        scan.or_else(|| node.downcast_ref::<KeptExec>().map(Source::Kept))
    }

    /// All sources of a plan, from left to right.
    pub fn all(plan: &'a Arc<dyn ExecutionPlan>) -> Vec<Self> {
        let mut found: Vec<Self> = Source::of(plan).into_iter().collect();
        found.extend(plan.children().into_iter().flat_map(Source::all));
        found
    }

    /// How many tasks read it.
    pub fn tasks(self) -> usize {
        match self {
            Source::Scan(scan) => scan.splits().len(),
            Source::Kept(kept) => kept.table().parts().len(),
        }
    }

    /// Whether one task reads all of it.
    pub fn is_alone(self) -> bool {
        self.tasks() == 1
    }

    /// The tasks that read it.
    pub fn work(self) -> Work {
        match self {
            Source::Scan(scan) => {
                Work::Splits { table: Arc::clone(&scan.shape().table), splits: Arc::clone(scan.splits()) }
            }
            Source::Kept(kept) => Work::Kept(kept.table().clone()),
        }
    }
}
