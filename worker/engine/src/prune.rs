//! Reads only the fields of structs that a query looks at: `actor.login` of a JSON object needs nothing else of `actor`.
//!
//! Between a scan and the first node that makes new columns, every expression is looked at. A struct column of which all
//! of them take single fields is narrowed to those, in the scan itself.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "types and values are foreign and many, and only structs have fields"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue};
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::projection::ProjectionExec;

use crate::scan::{ScanExec, ScanShape};

/// Fields of a struct that are looked at: below each name, which of its own; nothing below it means all of it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Wanted {
    whole: bool,
    fields: BTreeMap<String, Wanted>,
}

impl Wanted {
    fn add(&mut self, path: &[String]) {
        match path.split_first() {
            None => self.whole = true,
            Some((name, rest)) => self.fields.entry(name.clone()).or_default().add(rest),
        }
    }

    /// The type with these fields only.
    fn narrowed(&self, data_type: &DataType) -> DataType {
        match data_type {
            DataType::Struct(fields) if !self.whole && !self.fields.is_empty() => {
                let narrow = |field: &FieldRef| {
                    let wanted = self.fields.get(field.name())?;
                    Some(Arc::new(field.as_ref().clone().with_data_type(wanted.narrowed(field.data_type()))))
                };
                DataType::Struct(fields.iter().filter_map(narrow).collect::<Fields>())
            }
            other => other.clone(),
        }
    }
}

/// The same plan over narrower scans.
pub(crate) fn prune_structs(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let pruned = plan.transform_down(|node| {
        if !makes_columns(&node) {
            return Ok(Transformed::no(node));
        }
        let mut wanted = BTreeMap::new();
        collect(&node, &mut wanted)?;
        let [child] = node.children()[..] else {
            return Ok(Transformed::no(node));
        };
        match narrowed(child, &mut wanted)? {
            Some(child) => {
                let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
                Ok(Transformed::yes(node.replace_children(vec![child], options)?))
            }
            None => Ok(Transformed::no(node)),
        }
    })?;
    Ok(pruned.data)
}

/// Nodes above which nothing sees the columns of what is below.
fn makes_columns(node: &Arc<dyn ExecutionPlan>) -> bool {
    node.is::<ProjectionExec>() || node.is::<AggregateExec>()
}

/// Nodes that pass columns on as they are.
fn passes(node: &Arc<dyn ExecutionPlan>) -> bool {
    node.is::<FilterExec>()
        || node.is::<LocalLimitExec>()
        || node.is::<GlobalLimitExec>()
        || node.is::<CoalescePartitionsExec>()
        || node.is::<CooperativeExec>()
}

/// The plan over a narrower scan, if there is a scan below and something to leave out.
fn narrowed(
    node: &Arc<dyn ExecutionPlan>,
    wanted: &mut BTreeMap<usize, Wanted>,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(scan) = node.downcast_ref::<ScanExec>() {
        return narrowed_scan(scan, wanted);
    }
    let filters_some = node.downcast_ref::<FilterExec>().is_some_and(|filter| filter.projection().is_some());
    let [child] = node.children()[..] else { return Ok(None) };
    if !passes(node) || filters_some {
        return Ok(None);
    }
    collect(node, wanted)?;
    let Some(child) = narrowed(child, wanted)? else { return Ok(None) };
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    Ok(Some(Arc::clone(node).replace_children(vec![child], options)?))
}

fn narrowed_scan(scan: &ScanExec, wanted: &BTreeMap<usize, Wanted>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let shape = scan.shape();
    // By the columns of the table: the scan's condition looks at them too.
    let mut by_table: BTreeMap<usize, Wanted> = BTreeMap::new();
    for (at, wanted) in wanted {
        if let Some(&column) = shape.projection.get(*at) {
            by_table.insert(column, wanted.clone());
        }
    }
    if let Some(filter) = &shape.filter {
        let mut in_filter = BTreeMap::new();
        paths(&filter.condition, &mut in_filter)?;
        for (at, more) in in_filter {
            let known = by_table.entry(filter.columns[at]).or_default();
            merge(known, more);
        }
    }
    let file = &shape.columns.file;
    let narrow = |(at, field): (usize, &FieldRef)| match by_table.get(&at) {
        Some(wanted) => Arc::new(Field::clone(field).with_data_type(wanted.narrowed(field.data_type()))),
        None => Arc::clone(field),
    };
    let fields: Vec<FieldRef> = file.fields().iter().enumerate().map(narrow).collect();
    let narrow = Arc::new(Schema::new(fields));
    if narrow == *file {
        return Ok(None);
    }
    let mut shape: ScanShape = shape.clone();
    shape.columns.file = narrow;
    Ok(Some(Arc::new(ScanExec::try_new(shape, Arc::clone(scan.splits()), None)?)))
}

fn merge(into: &mut Wanted, more: Wanted) {
    into.whole |= more.whole;
    for (name, fields) in more.fields {
        merge(into.fields.entry(name).or_default(), fields);
    }
}

/// Adds what all expressions of a node look at.
fn collect(node: &Arc<dyn ExecutionPlan>, wanted: &mut BTreeMap<usize, Wanted>) -> Result<()> {
    node.apply_expressions(&mut |expression| {
        paths(expression, wanted)?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// Adds what one expression looks at.
fn paths(expression: &Arc<dyn PhysicalExpr>, wanted: &mut BTreeMap<usize, Wanted>) -> Result<()> {
    expression.apply(|part| {
        let Some((column, path)) = path_of(part) else {
            return Ok(TreeNodeRecursion::Continue);
        };
        wanted.entry(column).or_default().add(&path);
        Ok(TreeNodeRecursion::Jump)
    })?;
    Ok(())
}

/// The column and the fields that an expression takes, if it does nothing else.
fn path_of(expression: &Arc<dyn PhysicalExpr>) -> Option<(usize, Vec<String>)> {
    if let Some(column) = expression.downcast_ref::<Column>() {
        return Some((column.index(), Vec::new()));
    }
    let function = expression.downcast_ref::<ScalarFunctionExpr>()?;
    let (from, names) = function.args().split_first()?;
    if function.fun().name() != "get_field" || names.is_empty() {
        return None;
    }
    let (column, mut path) = path_of(from)?;
    for name in names {
        match name.downcast_ref::<Literal>()?.value() {
            ScalarValue::Utf8(Some(name)) | ScalarValue::Utf8View(Some(name)) | ScalarValue::LargeUtf8(Some(name)) => {
                path.push(name.clone());
            }
            _ => return None,
        }
    }
    Some((column, path))
}
