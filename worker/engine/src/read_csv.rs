//! The arguments of `read_csv('path', name => value, …)`.

#![allow(clippy::wildcard_enum_match_arm, reason = "the parser's expressions are foreign and many")]

use bobbin_parse::csv::CsvOptions;
use datafusion::sql::sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, UnaryOperator, Value};

use crate::error::PlanError;

/// Files of one table and how they are written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CsvSource {
    /// The path, directory, glob or URL as written.
    pub path: String,
    /// The dialect.
    pub options: CsvOptions,
    /// Types that the user declares, as in `CREATE TABLE`: `a VARCHAR, b BIGINT`.
    pub types: Option<String>,
}

impl CsvSource {
    /// A path with the default dialect.
    pub fn at(path: String) -> Self {
        Self { path, options: CsvOptions::default(), types: None }
    }
}

/// The arguments that `read_csv` knows, for messages.
const KNOWN: &str = "header, sep, quote, nullstr, types, max_record_bytes";

/// Reads the arguments of one call.
pub(crate) fn parse(arguments: &[FunctionArg]) -> Result<CsvSource, PlanError> {
    let mut source = None;
    for argument in arguments {
        match (argument, &mut source) {
            (FunctionArg::Unnamed(value), None) => source = Some(CsvSource::at(text(value, "path")?)),
            (FunctionArg::Unnamed(value), Some(_)) => {
                return Err(refuse(format!("{value}: give every argument after the path by name ({KNOWN})")));
            }
            (FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. }, None) => {
                return Err(refuse("the first argument is the path, in quotes".into()));
            }
            (FunctionArg::Named { name, arg, .. }, Some(source)) => set(source, &name.value.to_lowercase(), arg)?,
            (FunctionArg::ExprNamed { name, arg, .. }, Some(source)) => {
                set(source, &name.to_string().to_lowercase(), arg)?;
            }
        }
    }
    let source = source.ok_or_else(|| refuse("it needs a path, in quotes".into()))?;
    source.options.check().map_err(|error| refuse(error.to_string()))?;
    Ok(source)
}

fn set(source: &mut CsvSource, name: &str, value: &FunctionArgExpr) -> Result<(), PlanError> {
    let options = &mut source.options;
    match name {
        "header" => options.header = boolean(value, name)?,
        "sep" | "delim" | "separator" | "delimiter" => options.separator = byte(&text(value, name)?, name)?,
        "quote" => {
            let quote = text(value, name)?;
            options.quote = if quote.is_empty() { None } else { Some(byte(&quote, name)?) };
        }
        "nullstr" | "null" => options.null_tokens = texts(value, name)?,
        "types" => source.types = Some(text(value, name)?),
        "max_record_bytes" => options.max_record_bytes = number(value, name)?,
        _ => return Err(refuse(format!("it has no argument {name}; it has {KNOWN}"))),
    }
    Ok(())
}

fn refuse(reason: String) -> PlanError {
    PlanError::Statement(format!("call read_csv: {reason}"))
}

fn value(argument: &FunctionArgExpr) -> Option<&Value> {
    match argument {
        FunctionArgExpr::Expr(Expr::Value(value)) => Some(&value.value),
        _ => None,
    }
}

fn text_value(value: &Value) -> Option<String> {
    match value {
        Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => Some(text.clone()),
        Value::EscapedStringLiteral(text) => Some(text.clone()),
        _ => None,
    }
}

fn text(argument: &FunctionArgExpr, name: &str) -> Result<String, PlanError> {
    value(argument).and_then(text_value).ok_or_else(|| refuse(format!("{name} is a text in single quotes")))
}

/// One text, or a list of them in brackets.
fn texts(argument: &FunctionArgExpr, name: &str) -> Result<Vec<String>, PlanError> {
    let FunctionArgExpr::Expr(Expr::Array(array)) = argument else {
        return Ok(vec![text(argument, name)?]);
    };
    let element = |expression: &Expr| text(&FunctionArgExpr::Expr(expression.clone()), name);
    array.elem.iter().map(element).collect()
}

fn boolean(argument: &FunctionArgExpr, name: &str) -> Result<bool, PlanError> {
    match value(argument) {
        Some(Value::Boolean(boolean)) => Ok(*boolean),
        _ => Err(refuse(format!("{name} is true or false"))),
    }
}

fn number(argument: &FunctionArgExpr, name: &str) -> Result<usize, PlanError> {
    let wrong = || refuse(format!("{name} is a whole number"));
    match argument {
        FunctionArgExpr::Expr(Expr::UnaryOp { op: UnaryOperator::Minus, .. }) => Err(wrong()),
        _ => match value(argument) {
            Some(Value::Number(digits, _)) => digits.to_string().parse().map_err(|_| wrong()),
            _ => Err(wrong()),
        },
    }
}

/// One byte, which may be written as `\t`.
fn byte(text: &str, name: &str) -> Result<u8, PlanError> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        b"\\t" => Ok(b'\t'),
        _ => Err(refuse(format!("{name} is one byte, such as ';' or '\\t', not '{text}'"))),
    }
}

#[cfg(test)]
mod tests {
    use crate::source::Request;

    use super::*;

    fn call(arguments: &str) -> Result<CsvSource, PlanError> {
        let request = Request::parse(&format!("SELECT * FROM read_csv({arguments})"))?;
        Ok(request.sources.into_values().next().unwrap())
    }

    #[test]
    fn reads_every_argument() {
        let source = call(
            "'a.csv', header => false, sep => '\\t', quote => '', nullstr => ['NA', '-'], \
             types => 'a VARCHAR', max_record_bytes => 100",
        )
        .unwrap();
        let options = CsvOptions {
            separator: b'\t',
            quote: None,
            header: false,
            null_tokens: vec!["NA".into(), "-".into()],
            max_record_bytes: 100,
            ..CsvOptions::default()
        };
        assert_eq!(source, CsvSource { path: "a.csv".into(), options, types: Some("a VARCHAR".into()) });
    }

    #[test]
    fn refuses_with_a_way_out() {
        for (arguments, part) in [
            ("", "needs a path"),
            ("header => true", "first argument is the path"),
            ("'a', 'b'", "by name"),
            ("'a', colour => 'red'", "no argument colour"),
            ("'a', header => 'yes'", "true or false"),
            ("'a', sep => 'ab'", "one byte"),
            ("'a', sep => '\"'", "choose another separator"),
            ("'a', max_record_bytes => -1", "whole number"),
            ("a", "in single quotes"),
        ] {
            let message = call(arguments).unwrap_err().to_string();
            assert!(message.contains(part), "{arguments}: {message}");
        }
    }
}
