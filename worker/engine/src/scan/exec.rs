//! The leaf that reads splits of a table's files: one partition is one split.

#![allow(clippy::wildcard_enum_match_arm, reason = "types are foreign and many, and only structs have fields")]

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{ColumnStatistics, Result, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal};
use datafusion::physical_expr::{AcrossPartitions, ConstExpr, EquivalenceProperties, PhysicalExpr, split_conjunction};
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};

use crate::leaf;
use crate::scan::reader::{ScanSource, SplitReader};
use crate::scan::shape::ScanShape;
use crate::scan::splits::Split;

/// Of so many records a condition is taken to keep one, where nothing is known about it.
const FILTERED: u64 = 5;

/// Reads splits.
#[derive(Clone, Debug)]
pub(crate) struct ScanExec {
    shape: ScanShape,
    splits: Arc<[Split]>,
    /// Where bytes come from; absent while planning.
    source: Option<Arc<ScanSource>>,
    properties: Arc<PlanProperties>,
}

impl ScanExec {
    /// A scan of `splits`, which can run only when it has a source.
    pub fn try_new(shape: ScanShape, splits: Arc<[Split]>, source: Option<Arc<ScanSource>>) -> Result<Self> {
        let schema = shape.schema()?;
        let properties =
            leaf::properties(equivalences(&shape, schema), Partitioning::UnknownPartitioning(splits.len()));
        Ok(Self { shape, splits, source, properties })
    }

    /// What all splits have in common.
    pub fn shape(&self) -> &ScanShape {
        &self.shape
    }

    /// The splits, one a partition.
    pub fn splits(&self) -> &Arc<[Split]> {
        &self.splits
    }

    fn bytes(&self, partition: Option<usize>) -> u64 {
        match partition.and_then(|number| self.splits.get(number)) {
            Some(split) => split.bytes(),
            None => self.splits.iter().map(Split::bytes).sum(),
        }
    }
}

/// What is known of the rows: a column that the condition compares with a constant has that value in all of them.
fn equivalences(shape: &ScanShape, schema: SchemaRef) -> EquivalenceProperties {
    let mut known = EquivalenceProperties::new(Arc::clone(&schema));
    let Some(filter) = &shape.filter else { return known };
    let constant = |part: &Arc<dyn PhysicalExpr>| {
        let equation = part.downcast_ref::<BinaryExpr>().filter(|binary| *binary.op() == Operator::Eq)?;
        let column = equation.left().downcast_ref::<Column>()?;
        let value = equation.right().downcast_ref::<Literal>()?.value().clone();
        let at = shape.projection.iter().position(|&column_of| column_of == filter.columns[column.index()])?;
        let column = Arc::new(Column::new(schema.field(at).name(), at));
        Some(ConstExpr::new(column, AcrossPartitions::Uniform(Some(value))))
    };
    let constants: Vec<ConstExpr> = split_conjunction(&filter.condition).into_iter().filter_map(constant).collect();
    if let Err(error) = known.add_constants(constants) {
        tracing::debug!(%error, "constant columns are taken for any");
    }
    known
}

/// A column as plans show it: of a struct, which of its fields are read.
fn shown(field: &Field) -> String {
    match field.data_type() {
        DataType::Struct(fields) => {
            let inner: Vec<String> = fields.iter().map(|field| shown(field)).collect();
            format!("{}{{{}}}", field.name(), inner.join(", "))
        }
        _ => field.name().clone(),
    }
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter) -> fmt::Result {
        let schema = self.schema();
        let columns: Vec<String> = schema.fields().iter().map(|field| shown(field)).collect();
        write!(formatter, "ScanExec: table={}, columns=[{}]", self.shape.table, columns.join(", "))?;
        if let Some(filter) = &self.shape.filter {
            write!(formatter, ", filter={filter}")?;
        }
        match self.shape.fetch {
            Some(fetch) => write!(formatter, ", fetch={fetch}"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &str {
        "ScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        match &self.shape.filter {
            Some(filter) => visit(&filter.condition),
            None => Ok(TreeNodeRecursion::Continue),
        }
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("a scan has no children") }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (Some(source), Some(split)) = (&self.source, self.splits.get(partition)) else {
            return internal_err!("split {partition} of a scan cannot run here");
        };
        let batch_rows = context.session_config().batch_size();
        let reader = SplitReader::new(&self.shape, split.clone(), Arc::clone(source), batch_rows)?;
        let stream = futures::stream::try_unfold(reader, |mut reader| async move {
            let batch: Option<RecordBatch> = reader.next().await?;
            Ok(batch.map(|batch| (batch, reader)))
        });
        Ok(make_cooperative(Box::pin(RecordBatchStreamAdapter::new(self.schema(), stream))))
    }

    /// Estimates: bytes of the wanted share of the columns, records of average length.
    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let bytes = self.bytes(args.partition());
        let columns = self.shape.columns.file.fields().len().max(1) as u64;
        let share = bytes / columns * self.shape.projection.len() as u64;
        let records = bytes / self.shape.record_bytes;
        let kept = if self.shape.filter.is_some() { records / FILTERED } else { records };
        let rows = self.shape.fetch.map_or(kept, |fetch| kept.min(fetch as u64));
        Ok(Arc::new(Statistics {
            num_rows: Precision::Inexact(usize::try_from(rows).unwrap_or(usize::MAX)),
            total_byte_size: Precision::Inexact(usize::try_from(share).unwrap_or(usize::MAX)),
            column_statistics: vec![ColumnStatistics::new_unknown(); self.shape.projection.len()],
        }))
    }

    fn supports_limit_pushdown(&self) -> bool {
        false
    }

    fn with_fetch(&self, fetch: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        let shape = ScanShape { fetch, ..self.shape.clone() };
        Some(Arc::new(Self { shape, ..self.clone() }))
    }

    fn fetch(&self) -> Option<usize> {
        self.shape.fetch
    }
}
