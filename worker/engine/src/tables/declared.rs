//! Types that a user declares for some columns, written as in `CREATE TABLE`: `a VARCHAR, b BIGINT`.

#![allow(clippy::wildcard_enum_match_arm, reason = "the parser's types are foreign and many")]

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, ColumnDef, DataType as SqlType, ExactNumberInfo, Statement as SqlStatement, StructField,
};
use datafusion::sql::sqlparser::dialect::{Dialect, DuckDbDialect, GenericDialect};
use datafusion::sql::sqlparser::parser::Parser;

use crate::error::PlanError;
use crate::tables::value::OptionValue;

/// Replaces the types of the declared columns; returns which they are, too.
pub(crate) fn apply(schema: &SchemaRef, declaration: &OptionValue) -> Result<(SchemaRef, Vec<usize>), PlanError> {
    let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
    let mut declared = Vec::new();
    for column in columns(declaration)? {
        let name = &column.name.value;
        let Some(at) = fields.iter().position(|field| same_name(field.name(), &column)) else {
            let known: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            return Err(refuse(format!("there is no column {name}; there are {}", known.join(", "))));
        };
        fields[at] = Arc::new(Field::new(fields[at].name(), data_type(&column)?, true));
        declared.push(at);
    }
    Ok((Arc::new(Schema::new(fields)), declared))
}

/// The columns that a declaration names, and no others.
pub(crate) fn schema(declaration: &OptionValue) -> Result<SchemaRef, PlanError> {
    let field = |column: ColumnDef| Ok(Arc::new(Field::new(&column.name.value, data_type(&column)?, true)));
    let fields = columns(declaration)?.into_iter().map(field).collect::<Result<Vec<FieldRef>, PlanError>>()?;
    Ok(Arc::new(Schema::new(fields)))
}

/// How SQL writes a type of a column.
pub(crate) fn sql_name(data_type: &DataType) -> String {
    let inner = |field: &FieldRef| sql_name(field.data_type());
    match data_type {
        DataType::Int8 => "TINYINT".into(),
        DataType::Int16 => "SMALLINT".into(),
        DataType::Int32 => "INTEGER".into(),
        DataType::Int64 => "BIGINT".into(),
        DataType::Float32 => "REAL".into(),
        DataType::Float64 => "DOUBLE".into(),
        DataType::Decimal128(precision, scale) => format!("DECIMAL({precision}, {scale})"),
        DataType::Boolean => "BOOLEAN".into(),
        DataType::Date32 => "DATE".into(),
        DataType::Timestamp(..) => "TIMESTAMP".into(),
        DataType::List(field) | DataType::LargeList(field) => format!("{}[]", inner(field)),
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields.iter().map(|field| format!("{} {}", field.name(), inner(field))).collect();
            format!("STRUCT({})", fields.join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => format!("MAP(VARCHAR, {})", inner(&fields[1])),
            _ => "MAP".into(),
        },
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "VARCHAR".into(),
        other => other.to_string(),
    }
}

/// The types that columns of files can have, for messages.
const USABLE: &str = "BIGINT, INTEGER, SMALLINT, DOUBLE, REAL, DECIMAL(p, s), BOOLEAN, DATE, TIMESTAMP or VARCHAR \
                      (in JSON also T[], STRUCT(a T, …) and MAP(VARCHAR, T))";

fn refuse(reason: String) -> PlanError {
    PlanError::Statement(format!("declare types: {reason}"))
}

fn data_type(column: &ColumnDef) -> Result<DataType, PlanError> {
    let wrong = || refuse(format!("column {} cannot be {}; use {USABLE}", column.name.value, column.data_type));
    arrow_type(&column.data_type).ok_or_else(wrong)
}

fn same_name(field: &str, column: &ColumnDef) -> bool {
    match column.name.quote_style {
        Some(_) => field == column.name.value,
        None => field.eq_ignore_ascii_case(&column.name.value),
    }
}

/// The declared columns: a text as in `CREATE TABLE`, or types by column.
fn columns(declaration: &OptionValue) -> Result<Vec<ColumnDef>, PlanError> {
    if let Ok(entries) = declaration.map() {
        let line = |(name, declared): &(String, OptionValue)| {
            let declared = declared.text().map_err(|unfit| refuse(format!("the type of {name} {}", unfit.0)))?;
            Ok(format!("\"{}\" {declared}", name.replace('"', "\"\"")))
        };
        let lines = entries.iter().map(line).collect::<Result<Vec<String>, PlanError>>()?;
        return definitions(&lines.join(", "));
    }
    let text = declaration.text().map_err(|_| refuse("write them as in CREATE TABLE: 'a VARCHAR, b BIGINT'".into()))?;
    definitions(text)
}

fn definitions(declaration: &str) -> Result<Vec<ColumnDef>, PlanError> {
    let wrong = || refuse(format!("write '{declaration}' as in CREATE TABLE: a VARCHAR, b BIGINT"));
    let text = format!("CREATE TABLE t ({declaration})");
    let parse = |dialect: &dyn Dialect| {
        let mut statements = Parser::parse_sql(dialect, &text).ok()?;
        match (statements.pop(), statements.is_empty()) {
            (Some(SqlStatement::CreateTable(table)), true) => Some(table.columns),
            _ => None,
        }
    };
    // STRUCT(a BIGINT) is how DuckDB writes it.
    parse(&DuckDbDialect {}).or_else(|| parse(&GenericDialect {})).ok_or_else(wrong)
}

pub(crate) fn arrow_type(written: &SqlType) -> Option<DataType> {
    Some(match written {
        SqlType::TinyInt(_) | SqlType::Int8(_) => DataType::Int8,
        SqlType::SmallInt(_) | SqlType::Int2(_) | SqlType::Int16 => DataType::Int16,
        SqlType::Int(_) | SqlType::Integer(_) | SqlType::Int4(_) | SqlType::Int32 => DataType::Int32,
        SqlType::BigInt(_) | SqlType::Int64 => DataType::Int64,
        SqlType::Real | SqlType::Float4 | SqlType::Float32 => DataType::Float32,
        SqlType::Double(_) | SqlType::DoublePrecision | SqlType::Float(_) | SqlType::Float64 => DataType::Float64,
        SqlType::Decimal(info) | SqlType::Numeric(info) | SqlType::Dec(info) => decimal(info)?,
        SqlType::Boolean | SqlType::Bool => DataType::Boolean,
        SqlType::Date => DataType::Date32,
        SqlType::Timestamp(digits, _) => DataType::Timestamp(unit(*digits)?, None),
        SqlType::Datetime(digits) => DataType::Timestamp(unit(*digits)?, None),
        SqlType::Varchar(_) | SqlType::Text | SqlType::String(_) | SqlType::Char(_) | SqlType::JSON => {
            DataType::Utf8View
        }
        SqlType::Array(element) => {
            DataType::List(Arc::new(Field::new("item", arrow_type(element_of(element)?)?, true)))
        }
        SqlType::Struct(fields, _) => DataType::Struct(fields.iter().map(field).collect::<Option<Vec<_>>>()?.into()),
        SqlType::Map(_, value) => map_of(arrow_type(value)?),
        SqlType::Custom(name, parameters) => return custom(&name.to_string(), parameters),
        _ => return None,
    })
}

/// Types that the parser knows by name only.
fn custom(name: &str, parameters: &[String]) -> Option<DataType> {
    match (name.to_lowercase().as_str(), parameters) {
        ("string" | "json", []) => Some(DataType::Utf8View),
        ("timestamp_s", []) => Some(DataType::Timestamp(TimeUnit::Second, None)),
        ("timestamp_ms", []) => Some(DataType::Timestamp(TimeUnit::Millisecond, None)),
        ("timestamp_ns", []) => Some(DataType::Timestamp(TimeUnit::Nanosecond, None)),
        ("map", [_, value]) => {
            let columns = definitions(&format!("value {value}")).ok()?;
            Some(map_of(arrow_type(&columns.first()?.data_type)?))
        }
        _ => None,
    }
}

fn element_of(element: &ArrayElemTypeDef) -> Option<&SqlType> {
    match element {
        ArrayElemTypeDef::AngleBracket(element)
        | ArrayElemTypeDef::SquareBracket(element, _)
        | ArrayElemTypeDef::Parenthesis(element) => Some(element),
        ArrayElemTypeDef::None => None,
    }
}

fn field(field: &StructField) -> Option<FieldRef> {
    let name = field.field_name.as_ref()?;
    Some(Arc::new(Field::new(&name.value, arrow_type(&field.field_type)?, true)))
}

/// A map from texts to values of this type.
pub(crate) fn map_of(value: DataType) -> DataType {
    let fields = vec![Field::new("key", DataType::Utf8View, false), Field::new("value", value, true)];
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(fields.into()), false)), false)
}

fn decimal(info: &ExactNumberInfo) -> Option<DataType> {
    let (precision, scale) = match *info {
        ExactNumberInfo::None => (38, 10),
        ExactNumberInfo::Precision(precision) => (precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (precision, scale),
    };
    let (precision, scale) = (u8::try_from(precision).ok()?, i8::try_from(scale).ok()?);
    let fits = (1..=38).contains(&precision) && scale >= 0 && scale.unsigned_abs() <= precision;
    fits.then_some(DataType::Decimal128(precision, scale))
}

/// The unit of a timestamp with so many digits behind the second.
fn unit(digits: Option<u64>) -> Option<TimeUnit> {
    match digits {
        None | Some(6) => Some(TimeUnit::Microsecond),
        Some(0) => Some(TimeUnit::Second),
        Some(3) => Some(TimeUnit::Millisecond),
        Some(9) => Some(TimeUnit::Nanosecond),
        Some(_) => None,
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
        let (applied, _) = apply(&schema, &declaration.into()).map_err(|error| error.to_string())?;
        Ok(applied.fields().iter().map(|field| field.data_type().clone()).collect())
    }

    #[test]
    fn replaces_declared_types_only() {
        assert_eq!(declared("vendorid VARCHAR"), Ok(vec![DataType::Utf8View, DataType::Int64]));
        assert_eq!(declared("b DOUBLE, \"VendorID\" TEXT"), Ok(vec![DataType::Utf8View, DataType::Float64]));
    }

    #[test]
    fn types_have_the_names_that_sql_gives_them() {
        for name in [
            "TINYINT",
            "SMALLINT",
            "INTEGER",
            "BIGINT",
            "REAL",
            "DOUBLE",
            "DECIMAL(10, 2)",
            "BOOLEAN",
            "DATE",
            "TIMESTAMP",
            "VARCHAR",
            "BIGINT[]",
            "STRUCT(a BIGINT, b VARCHAR[])",
            "MAP(VARCHAR, DOUBLE)",
        ] {
            let declared = schema(&format!("a {name}").as_str().into()).unwrap();
            assert_eq!(sql_name(declared.field(0).data_type()), name);
        }
    }

    #[test]
    fn columns_may_be_given_by_name() {
        let types = OptionValue::Map(vec![("B".into(), "DATE".into()), ("a b".into(), "DECIMAL(5, 1)".into())]);
        let declared = schema(&types).unwrap();
        assert_eq!((declared.field(0).name().as_str(), declared.field(0).data_type()), ("B", &DataType::Date32));
        assert_eq!(declared.field(1).data_type(), &DataType::Decimal128(5, 1));
    }

    #[test]
    fn names_what_is_wrong() {
        assert!(declared("c VARCHAR").unwrap_err().contains("no column c; there are VendorID, b"));
        assert!(declared("b GEOMETRY").unwrap_err().contains("use BIGINT"));
        assert!(declared("b").is_err());
        assert!(declared("b INT); DROP TABLE (t INT").unwrap_err().contains("as in CREATE TABLE"));
    }
}
