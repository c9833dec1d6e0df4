//! The arguments of `read_csv('path', name => value, …)` and its like.

#![allow(clippy::wildcard_enum_match_arm, reason = "the parser's expressions are foreign and many")]

use datafusion::sql::sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, UnaryOperator, Value};

use crate::error::PlanError;
use crate::tables::{FileFormat, OptionValue, Source, option_names};

/// A table function of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its name, in lower case.
    pub name: &'static str,
    /// The format of the files.
    format: FileFormat,
    /// Whether it gives the records that cannot be read instead of the others.
    rejects: bool,
}

/// All of them.
const FUNCTIONS: [Function; 4] = [
    Function { name: "read_csv", format: FileFormat::Csv, rejects: false },
    Function { name: "read_json", format: FileFormat::Json, rejects: false },
    Function { name: "csv_rejects", format: FileFormat::Csv, rejects: true },
    Function { name: "json_rejects", format: FileFormat::Json, rejects: true },
];

impl Function {
    /// The function of this name, in whatever case; `read_csv_auto` and the like are what others call them.
    pub fn named(name: &str) -> Option<Function> {
        let name = name.to_lowercase();
        let plain = name.strip_suffix("_auto").unwrap_or(&name);
        FUNCTIONS.into_iter().find(|function| function.name == plain)
    }

    /// The source that one call names.
    pub fn source(self, arguments: &[FunctionArg]) -> Result<Source, PlanError> {
        let mut paths = None;
        let mut options = Vec::new();
        for argument in arguments {
            match (argument, &mut paths) {
                (FunctionArg::Unnamed(value), None) => {
                    let value = expression(value).and_then(value_of).unwrap_or(OptionValue::Bool(true));
                    paths = Some(value.texts().map_err(|_| self.refuse("the path is a text in single quotes"))?);
                }
                (FunctionArg::Unnamed(value), Some(_)) => {
                    let known = option_names(self.format);
                    return Err(self.refuse(format!("{value}: give every argument after the path by name ({known})")));
                }
                (FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. }, None) => {
                    return Err(self.refuse("the first argument is the path, in quotes"));
                }
                (FunctionArg::Named { name, arg, .. }, Some(_)) => options.push(self.option(&name.value, arg)?),
                (FunctionArg::ExprNamed { name, arg, .. }, Some(_)) => {
                    options.push(self.option(&name.to_string(), arg)?);
                }
            }
        }
        let paths = paths.ok_or_else(|| self.refuse("it needs a path, in quotes"))?;
        let source = Source::new(paths, Some(self.format), options).map_err(|error| self.refuse(error.to_string()))?;
        Ok(if self.rejects { source.rejects() } else { source })
    }

    fn option(self, name: &str, argument: &FunctionArgExpr) -> Result<(String, OptionValue), PlanError> {
        let value = expression(argument).and_then(value_of);
        let value = value.ok_or_else(|| self.refuse(format!("{name} => {argument}: write a constant")))?;
        Ok((name.to_owned(), value))
    }

    fn refuse(self, reason: impl Into<String>) -> PlanError {
        PlanError::Statement(format!("call {}: {}", self.name, reason.into()))
    }
}

fn expression(argument: &FunctionArgExpr) -> Option<&Expr> {
    match argument {
        FunctionArgExpr::Expr(expression) => Some(expression),
        _ => None,
    }
}

/// The value of a constant; `None` for what is not one.
pub(crate) fn value_of(expression: &Expr) -> Option<OptionValue> {
    Some(match expression {
        Expr::Value(value) => match &value.value {
            Value::Boolean(value) => OptionValue::Bool(*value),
            Value::Number(digits, _) => OptionValue::Number(digits.to_string().parse().ok()?),
            other => OptionValue::Text(other.clone().into_string()?),
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match value_of(expr)? {
            OptionValue::Number(number) => OptionValue::Number(-number),
            _ => return None,
        },
        Expr::Array(array) => OptionValue::List(array.elem.iter().map(value_of).collect::<Option<_>>()?),
        Expr::Dictionary(fields) => {
            let entry = |(name, value)| Some((name, value_of(value)?));
            let entries = fields.iter().map(|field| (field.key.value.clone(), &*field.value));
            OptionValue::Map(entries.map(entry).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}
