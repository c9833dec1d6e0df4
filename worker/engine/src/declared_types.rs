//! Types that a user declares for some columns, written as in `CREATE TABLE`: `a VARCHAR, b BIGINT`.

#![allow(clippy::wildcard_enum_match_arm, reason = "the parser's types are foreign and many")]

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{ColumnDef, DataType as SqlType, Statement as SqlStatement};

use crate::error::PlanError;

/// Replaces the types of the declared columns; returns which they are, too.
pub(crate) fn apply(schema: &SchemaRef, declaration: &str) -> Result<(SchemaRef, Vec<usize>), PlanError> {
    let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
    let mut declared = Vec::new();
    for column in columns(declaration)? {
        let name = &column.name.value;
        let Some(at) = fields.iter().position(|field| same_name(field.name(), &column)) else {
            let known: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            return Err(refuse(format!("there is no column {name}; there are {}", known.join(", "))));
        };
        let data_type = arrow_type(&column.data_type)
            .ok_or_else(|| refuse(format!("column {name} cannot be {}; use {USABLE}", column.data_type)))?;
        fields[at] = Arc::new(Field::new(fields[at].name(), data_type, true));
        declared.push(at);
    }
    Ok((Arc::new(Schema::new(fields)), declared))
}

/// How SQL writes the type of a field of a CSV file.
pub(crate) fn sql_name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Int64 => "BIGINT",
        DataType::Float64 => "DOUBLE",
        DataType::Boolean => "BOOLEAN",
        DataType::Date32 => "DATE",
        DataType::Timestamp(..) => "TIMESTAMP",
        _ => "VARCHAR",
    }
}

/// The types that fields of a CSV file can have, for messages.
const USABLE: &str = "BIGINT, DOUBLE, BOOLEAN, DATE, TIMESTAMP or VARCHAR";

fn refuse(reason: String) -> PlanError {
    PlanError::Statement(format!("declare types of read_csv: {reason}"))
}

fn same_name(field: &str, column: &ColumnDef) -> bool {
    match column.name.quote_style {
        Some(_) => field == column.name.value,
        None => field.eq_ignore_ascii_case(&column.name.value),
    }
}

fn columns(declaration: &str) -> Result<Vec<ColumnDef>, PlanError> {
    let wrong = || refuse(format!("write '{declaration}' as in CREATE TABLE: a VARCHAR, b BIGINT"));
    let text = format!("CREATE TABLE t ({declaration})");
    let mut statements = DFParserBuilder::new(text.as_str())
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|_| wrong())?;
    match (statements.pop_front(), statements.is_empty()) {
        (Some(Statement::Statement(statement)), true) => match *statement {
            SqlStatement::CreateTable(table) => Ok(table.columns),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

fn arrow_type(written: &SqlType) -> Option<DataType> {
    match written {
        SqlType::BigInt(_) | SqlType::Int(_) | SqlType::Integer(_) | SqlType::SmallInt(_) | SqlType::Int64 => {
            Some(DataType::Int64)
        }
        SqlType::Double(_) | SqlType::DoublePrecision | SqlType::Float(_) | SqlType::Real | SqlType::Float64 => {
            Some(DataType::Float64)
        }
        SqlType::Boolean | SqlType::Bool => Some(DataType::Boolean),
        SqlType::Date => Some(DataType::Date32),
        SqlType::Timestamp(_, _) | SqlType::Datetime(_) => Some(DataType::Timestamp(TimeUnit::Microsecond, None)),
        SqlType::Varchar(_) | SqlType::Text | SqlType::String(_) | SqlType::Char(_) => Some(DataType::Utf8View),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(declaration: &str) -> Result<Vec<DataType>, String> {
        let schema = Arc::new(Schema::new(vec![
            Field::new("VendorID", DataType::Int64, true),
            Field::new("b", DataType::Int64, true),
        ]));
        let (applied, _) = apply(&schema, declaration).map_err(|error| error.to_string())?;
        Ok(applied.fields().iter().map(|field| field.data_type().clone()).collect())
    }

    #[test]
    fn replaces_declared_types_only() {
        assert_eq!(declared("vendorid VARCHAR"), Ok(vec![DataType::Utf8View, DataType::Int64]));
        assert_eq!(declared("b DOUBLE, \"VendorID\" TEXT"), Ok(vec![DataType::Utf8View, DataType::Float64]));
    }

    #[test]
    fn names_what_is_wrong() {
        assert!(declared("c VARCHAR").unwrap_err().contains("no column c; there are VendorID, b"));
        assert!(declared("b GEOMETRY").unwrap_err().contains("use BIGINT"));
        assert!(declared("b").is_err());
        assert!(declared("b INT); DROP TABLE (t INT").unwrap_err().contains("as in CREATE TABLE"));
    }
}
