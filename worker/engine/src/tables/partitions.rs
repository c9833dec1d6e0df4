//! Columns whose values are in the names of directories: `year=2015/month=01/part.csv`, as Hive lays tables out.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, StringViewArray};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use bobbin_blocks::FileRef;
use datafusion::common::{Result, ScalarValue};
use datafusion::physical_expr::PhysicalExpr;

use crate::error::PlanError;
use crate::scan::{FileFacts, Origin, TableColumns};
use crate::tables::declared;
use crate::tables::options::Reading;

/// The names and values in a file's path below the table's own, outermost first.
pub(crate) type Values = Vec<(String, Option<String>)>;

/// The partition columns of a table.
#[derive(Debug, Default)]
pub(crate) struct Partitions {
    /// Names and types.
    pub fields: Vec<FieldRef>,
}

impl Partitions {
    /// A file's values of the columns, in their order.
    pub fn values_of(&self, values: &Values) -> Vec<Option<String>> {
        let value = |field: &FieldRef| {
            let found = values.iter().find(|(name, _)| name == field.name());
            found.and_then(|(_, value)| value.clone())
        };
        self.fields.iter().map(value).collect()
    }
}

/// The partition columns that all paths have; whole numbers and dates are recognised unless types are declared.
pub(crate) fn columns(
    table: &str,
    files: &[FileRef],
    values: &[Values],
    reading: &Reading,
) -> Result<Partitions, PlanError> {
    if reading.table.hive_partitioning == Some(false) {
        return Ok(Partitions::default());
    }
    let names = |values: &Values| values.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let Some(first) = values.first().map(names) else {
        return Ok(Partitions::default());
    };
    if let Some(at) = values.iter().position(|values| names(values) != first) {
        if reading.table.hive_partitioning.is_none() {
            return Ok(Partitions::default());
        }
        let (one, other) = (&files[0].url, &files[at].url);
        return Err(PlanError::Table(format!(
            "table '{table}' has partition columns {first:?} in the path of {one}, and {:?} in that of {other}; move the \
             files, or say hive_partitioning => false",
            names(&values[at])
        )));
    }
    let field = |(at, name): (usize, String)| {
        let texts = values.iter().filter_map(|values| values.get(at).and_then(|(_, value)| value.as_deref()));
        Arc::new(Field::new(name, guess(texts), true))
    };
    let fields: Vec<FieldRef> = first.into_iter().enumerate().map(field).collect();
    let Some(types) = &reading.table.hive_types else {
        return Ok(Partitions { fields });
    };
    let (schema, _) = declared::apply(&Arc::new(Schema::new(fields)), types)?;
    let partitions = Partitions { fields: schema.fields().iter().cloned().collect() };
    for (values, file) in values.iter().zip(files) {
        check(&partitions, values, file)?;
    }
    Ok(partitions)
}

/// Refuses a value that its declared type does not have.
fn check(partitions: &Partitions, values: &Values, file: &FileRef) -> Result<(), PlanError> {
    for (field, value) in partitions.fields.iter().zip(partitions.values_of(values)) {
        let Some(value) = value else { continue };
        if ScalarValue::try_from_string(value.clone(), field.data_type()).is_err() {
            return Err(PlanError::Table(format!(
                "partition column {} is declared as {}, and {} says {value:?}; correct hive_types, or move the file",
                field.name(),
                declared::sql_name(field.data_type()),
                file.url
            )));
        }
    }
    Ok(())
}

/// The type that all these values have.
fn guess<'a>(values: impl Iterator<Item = &'a str> + Clone) -> DataType {
    let all = |data_type: &DataType| {
        values.clone().all(|value| ScalarValue::try_from_string(value.to_owned(), data_type).is_ok())
    };
    // A zero in front is part of a name: month=01 stays what the path says only as text, but compares as a number.
    if values.clone().next().is_none() {
        DataType::Utf8View
    } else if values.clone().all(|value| value.parse::<i64>().is_ok()) {
        DataType::Int64
    } else if values.clone().all(|value| value.len() == 10) && all(&DataType::Date32) {
        DataType::Date32
    } else {
        DataType::Utf8View
    }
}

/// The files whose constants (partition values and names) pass a condition over these columns of the table.
pub(crate) fn pruned(
    files: &[(FileRef, Arc<FileFacts>)],
    columns: &TableColumns,
    (wanted, condition): (&[usize], &Arc<dyn PhysicalExpr>),
) -> Result<Vec<bool>> {
    let schema = Arc::new(columns.schema().project(wanted)?);
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (&column, field) in wanted.iter().zip(schema.fields()) {
        arrays.push(match columns.origin(column) {
            Origin::Partition(number) => {
                let value = |facts: &FileFacts| match facts.values.get(number).cloned().flatten() {
                    Some(text) => ScalarValue::try_from_string(text, field.data_type()),
                    None => ScalarValue::try_from(field.data_type()),
                };
                let values: Vec<ScalarValue> = files.iter().map(|(_, facts)| value(facts)).collect::<Result<_>>()?;
                ScalarValue::iter_to_array(values)?
            }
            Origin::Filename | Origin::File(_) | Origin::Record(_) => {
                Arc::new(StringViewArray::from_iter_values(files.iter().map(|(file, _)| file.url.as_str())))
            }
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(files.len()));
    let batch = RecordBatch::try_new_with_options(schema, arrays, &options)?;
    let kept = condition.evaluate(&batch)?.into_array(files.len())?;
    let kept: &BooleanArray = arrow::array::AsArray::as_boolean(&kept);
    Ok(kept.iter().map(|kept| kept == Some(true)).collect())
}
