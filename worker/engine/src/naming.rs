//! Names of an answer's columns where the query gives none: without the paths of its tables.

use std::collections::BTreeSet;

use datafusion::common::Column;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

/// The plan with shorter names: `sum(trips.csv.fare)` becomes `sum(fare)`, `events.jsonl.actor[login]` becomes `login`.
/// Names that would no longer differ stay as they are.
pub(crate) fn shortened(plan: LogicalPlan, tables: &[&str]) -> Result<LogicalPlan> {
    let long: Vec<String> = plan.schema().fields().iter().map(|field| field.name().clone()).collect();
    let short: Vec<String> = long.iter().map(|name| shorter(name, tables)).collect();
    let unique: BTreeSet<&String> = short.iter().collect();
    if short == long || unique.len() < short.len() {
        return Ok(plan);
    }
    let mut columns: Vec<Expr> = Vec::with_capacity(short.len());
    for ((qualifier, field), name) in plan.schema().iter().zip(short) {
        let column = Expr::Column(Column::from((qualifier, field)));
        columns.push(if *field.name() == name { column } else { column.alias(name) });
    }
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

fn shorter(name: &str, tables: &[&str]) -> String {
    let mut short = name.to_owned();
    for table in tables {
        short = short.replace(&format!("{table}."), "");
    }
    field(&short).map(str::to_owned).unwrap_or(short)
}

/// The last field of `actor[login]` or `a[b][c]`, if a name is nothing else.
fn field(name: &str) -> Option<&str> {
    let is_word = |text: &str| !text.is_empty() && text.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    let (column, fields) = name.split_once('[')?;
    let fields: Vec<&str> = fields.strip_suffix(']')?.split("][").collect();
    (is_word(column) && fields.iter().all(|field| is_word(field))).then(|| fields.last().copied()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_tables_are_no_part_of_a_name() {
        let check = |name: &str, expected: &str| assert_eq!(shorter(name, &["/d/t.csv", "e.jsonl"]), expected);
        check("sum(/d/t.csv.a)", "sum(a)");
        check("e.jsonl.actor[login]", "login");
        check("max(e.jsonl.actor[login])", "max(actor[login])");
        check("a[1 + 2]", "a[1 + 2]");
        check("a", "a");
    }
}
