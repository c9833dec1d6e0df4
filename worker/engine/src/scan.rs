//! The leaf that reads CSV splits: one partition is one split.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bobbin_parse::csv::CsvOptions;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Result, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};

use crate::leaf::{self, leaf_methods};
use crate::split_reader::{ScanSource, SplitReader};
use crate::splits::Split;

/// What all splits of one scan have in common.
#[derive(Clone, Debug)]
pub(crate) struct ScanShape {
    /// The table as the query writes it.
    pub table: Arc<str>,
    /// All columns of the files.
    pub file_schema: SchemaRef,
    /// Wanted columns of `file_schema`, ascending.
    pub projection: Arc<[usize]>,
    /// How records are written.
    pub options: Arc<CsvOptions>,
    /// Rows after which a split may stop.
    pub fetch: Option<usize>,
    /// Bytes of an average record, for estimates.
    pub record_bytes: u64,
}

/// Reads CSV splits.
#[derive(Clone, Debug)]
pub(crate) struct CsvScanExec {
    shape: ScanShape,
    splits: Arc<[Split]>,
    /// Where bytes come from; absent while planning.
    source: Option<Arc<ScanSource>>,
    properties: Arc<PlanProperties>,
}

impl CsvScanExec {
    /// A scan of `splits`, which can run only when it has a source.
    pub fn try_new(shape: ScanShape, splits: Arc<[Split]>, source: Option<Arc<ScanSource>>) -> Result<Self> {
        let schema = Arc::new(shape.file_schema.project(&shape.projection)?);
        let properties =
            leaf::properties(EquivalenceProperties::new(schema), Partitioning::UnknownPartitioning(splits.len()));
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

impl DisplayAs for CsvScanExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter) -> fmt::Result {
        let names: Vec<&str> =
            self.shape.projection.iter().map(|&at| self.shape.file_schema.field(at).name().as_str()).collect();
        write!(formatter, "CsvScanExec: table={}, columns=[{}]", self.shape.table, names.join(", "))?;
        match self.shape.fetch {
            Some(fetch) => write!(formatter, ", fetch={fetch}"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for CsvScanExec {
    leaf_methods!("CsvScanExec");

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (Some(source), Some(split)) = (&self.source, self.splits.get(partition)) else {
            return internal_err!("split {partition} of a scan cannot run here");
        };
        let batch_rows = context.session_config().batch_size();
        let reader = SplitReader::new(&self.shape, self.schema(), split.clone(), Arc::clone(source), batch_rows);
        let stream = futures::stream::try_unfold(reader, |mut reader| async move {
            let batch: Option<RecordBatch> = reader.next().await?;
            Ok(batch.map(|batch| (batch, reader)))
        });
        Ok(make_cooperative(Box::pin(RecordBatchStreamAdapter::new(self.schema(), stream))))
    }

    /// Estimates: bytes of the wanted share of the columns, records of average length.
    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let bytes = self.bytes(args.partition());
        let columns = self.shape.file_schema.fields().len().max(1) as u64;
        let share = bytes / columns * self.shape.projection.len() as u64;
        let records = bytes / self.shape.record_bytes;
        let rows = self.shape.fetch.map_or(records, |fetch| records.min(fetch as u64));
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
