//! How many buckets the exchanges of a query have, and how its large tables are joined: by what its scans will read, and
//! by nothing else, so that the answer does not depend on where it is computed.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

use crate::kept::KeptExec;
use crate::scan::ScanExec;

/// Bytes of wanted columns for which one more bucket is worth its task.
const BUCKET_BYTES: u64 = 256 << 20;
/// The most buckets: results of a stage have so many parts each.
const MOST_BUCKETS: u64 = 256;
/// The largest part of a join's smaller side that is held in memory.
const BUILD_BYTES: u64 = 256 << 20;

/// How to plan exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizing {
    /// Parts of divided results; 1 is a plan without exchanges.
    pub buckets: usize,
    /// Whether a bucket of the smaller side of each join fits in memory.
    pub hash_joins: bool,
}

impl Sizing {
    /// Looks at a plan without exchanges. `forced` is for tests.
    pub fn of(plan: &Arc<dyn ExecutionPlan>, forced: Option<usize>) -> Result<Self> {
        let (mut scanned, mut largest_build) = (0u64, 0u64);
        plan.apply(|node| {
            if node.is::<ScanExec>() || node.is::<KeptExec>() {
                scanned = scanned.saturating_add(bytes(node)?);
            }
            if let Some(join) = node.downcast_ref::<HashJoinExec>() {
                largest_build = largest_build.max(bytes(join.left())?.min(bytes(join.right())?));
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        let buckets = forced.unwrap_or_else(|| buckets(scanned)).max(1);
        Ok(Self { buckets, hash_joins: largest_build / buckets as u64 <= BUILD_BYTES })
    }
}

/// Buckets for so many bytes.
fn buckets(scanned: u64) -> usize {
    scanned.div_ceil(BUCKET_BYTES).clamp(1, MOST_BUCKETS) as usize
}

/// The bytes of a node's rows, as far as anybody knows. What is not known counts as everything that it reads.
fn bytes(node: &Arc<dyn ExecutionPlan>) -> Result<u64> {
    let statistics = StatisticsContext::new().compute(node.as_ref(), &StatisticsArgs::new())?;
    if let Some(&known) = statistics.total_byte_size.get_value() {
        return Ok(known as u64);
    }
    node.children().into_iter().try_fold(0u64, |sum, child| Ok(sum.saturating_add(bytes(child)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_grow_with_what_is_read() {
        assert_eq!(buckets(0), 1);
        assert_eq!(buckets(256 << 20), 1);
        assert_eq!(buckets((256 << 20) + 1), 2);
        assert_eq!(buckets(10 << 30), 40);
        assert_eq!(buckets(u64::MAX), 256);
    }
}
