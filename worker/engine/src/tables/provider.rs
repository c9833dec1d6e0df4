//! A table as DataFusion's planner sees it.

#![allow(clippy::wildcard_enum_match_arm, reason = "expressions are foreign and many")]

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use bobbin_blocks::FileRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::scan::{FileFacts, Origin, ScanExec, ScanFilter, ScanShape, SplitSettings, cut};
use crate::tables::inference::warn_of_unknown;
use crate::tables::partitions;
use crate::tables::table::Table;

/// A table of files. How they are cut into splits, the session says: [`SplitSettings`].
#[derive(Debug)]
pub(crate) struct FileTable {
    table: Table,
}

impl FileTable {
    /// The provider of a table.
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// The table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Says which of the wanted columns are text only because nobody knows better.
    fn warn_of_unknown(&self, wanted: &[usize]) {
        for at in self.table.unknown.iter().filter(|at| wanted.contains(at)) {
            warn_of_unknown(&self.table.name, self.table.columns.file.field(*at).name());
        }
    }

    /// Which columns an expression looks at; `None` if the scan cannot compute it.
    fn columns_of(&self, filter: &Expr) -> Option<BTreeSet<usize>> {
        if filter.is_volatile() || self.table.columns.yields != bobbin_parse::Yield::Rows {
            return None;
        }
        let mut columns = BTreeSet::new();
        let mut possible = true;
        let visited = filter.apply(|part| {
            match part {
                Expr::Column(column) => match self.schema().index_of(&column.name) {
                    // What the decoder says of records, it says of those that pass.
                    Ok(at) if !matches!(self.table.columns.origin(at), Origin::Record(_)) => drop(columns.insert(at)),
                    _ => possible = false,
                },
                Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::OuterReferenceColumn(..) => {
                    possible = false;
                }
                Expr::AggregateFunction(_) | Expr::WindowFunction(_) | Expr::Placeholder(_) => possible = false,
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        });
        (possible && visited.is_ok()).then_some(columns)
    }

    /// A condition on all of `filters`, whose columns are those that `columns_of` finds.
    fn filter(&self, state: &dyn Session, filters: &[Expr]) -> Result<Option<ScanFilter>> {
        let Some(condition) = conjunction(filters.iter().cloned().map(unqualified).collect::<Result<Vec<_>>>()?) else {
            return Ok(None);
        };
        let columns: Vec<usize> = self.columns_of(&condition).unwrap_or_default().into_iter().collect();
        let schema = DFSchema::try_from(self.schema().project(&columns)?)?;
        let condition = state.create_physical_expr(condition, &schema)?;
        Ok(Some(ScanFilter { columns, condition }))
    }

    /// The files that may hold rows which pass, as far as their paths say.
    fn files(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<(FileRef, Arc<FileFacts>)>> {
        let about_paths = |filter: &&Expr| {
            let is_constant =
                |at: usize| matches!(self.table.columns.origin(at), Origin::Partition(_) | Origin::Filename);
            self.columns_of(filter).is_some_and(|columns| columns.into_iter().all(is_constant))
        };
        let filters: Vec<Expr> = filters.iter().filter(about_paths).cloned().collect();
        let Some(ScanFilter { columns, condition }) = self.filter(state, &filters)? else {
            return Ok(self.table.files.clone());
        };
        let kept = partitions::pruned(&self.table.files, &self.table.columns, (&columns, &condition))?;
        let files = self.table.files.iter().zip(kept);
        Ok(files.filter(|(_, kept)| *kept).map(|(file, _)| file.clone()).collect())
    }
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match self.columns_of(filter) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.schema();
        let all = || (0..schema.fields().len()).collect();
        let projection: Vec<usize> = projection.cloned().unwrap_or_else(all);
        self.warn_of_unknown(&projection);
        let files = self.files(state, filters)?;
        let settings = state.config().get_extension::<SplitSettings>().unwrap_or_default();
        let shape = ScanShape {
            table: self.table.name.as_str().into(),
            columns: self.table.columns.clone(),
            projection: projection.into(),
            reading: Arc::clone(&self.table.reading),
            filter: self.filter(state, filters)?.map(Arc::new),
            fetch: limit,
            record_bytes: self.table.record_bytes,
        };
        let whole = shape.counts_rows() || !self.table.reading.is_splittable();
        let splits = cut(files.iter().map(|(file, facts)| (file, facts)), &settings, whole).into();
        Ok(Arc::new(ScanExec::try_new(shape, splits, None)?))
    }
}

/// An expression whose columns have no table's name in front.
fn unqualified(expression: Expr) -> Result<Expr> {
    datafusion::logical_expr::expr_rewriter::unnormalize_col(expression)
        .transform(|part| {
            use datafusion::common::tree_node::Transformed;
            Ok(match part {
                Expr::Column(column) => {
                    Transformed::yes(Expr::Column(datafusion::common::Column::new_unqualified(column.name)))
                }
                other => Transformed::no(other),
            })
        })
        .map(|changed| changed.data)
}
