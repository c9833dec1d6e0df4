//! The query behind `SUMMARIZE`: one row a column with its count, NULLs, distinct values, extremes and quartiles.

use std::fmt::Write;

use arrow::datatypes::{DataType, Schema};

use crate::tables::sql_name;

/// How quartiles are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quartiles {
    /// From all values, which have to fit in memory.
    Exact,
    /// From t-digests; the names of the columns say so.
    Approximate,
}

/// A query over the table `name` whose columns are `schema`'s. All of it is one pass over the table.
pub(crate) fn summary(name: &str, schema: &Schema, quartiles: Quartiles) -> String {
    let mut inner = String::from("count(*) AS n");
    let mut lists: [Vec<String>; 12] = Default::default();
    for (at, field) in schema.fields().iter().enumerate() {
        let column = quoted(field.name());
        let is_nested = field.data_type().is_nested();
        let is_number = field.data_type().is_numeric();
        let is_float = field.data_type().is_floating();
        let mut add = |what: &str, expression: String, wanted: bool| {
            if !wanted {
                return "NULL".to_owned();
            }
            let name = format!("c{at}_{what}");
            // Writing to a text cannot fail.
            let _ = write!(inner, ", {expression} AS {name}");
            name
        };
        let quartile = |share: &str| match quartiles {
            Quartiles::Exact => format!("percentile_cont({column}, {share})"),
            Quartiles::Approximate => format!("approx_percentile_cont({column}, {share})"),
        };
        let distinct = if is_float { format!("CAST({column} AS VARCHAR)") } else { column.clone() };
        let count = add("count", format!("count({column})"), true);
        let rows = [
            literal(field.name()),
            literal(&sql_name(field.data_type())),
            count.clone(),
            format!("n - {count}"),
            add("distinct", format!("approx_distinct({distinct})"), !is_nested),
            add("mean", format!("avg(CAST({column} AS DOUBLE))"), is_number),
            add("std", format!("stddev(CAST({column} AS DOUBLE))"), is_number),
            text(&add("min", format!("min({column})"), has_order(field.data_type()))),
            double(&add("q1", quartile("0.25"), is_number)),
            double(&add("q2", quartile("0.5"), is_number)),
            double(&add("q3", quartile("0.75"), is_number)),
            text(&add("max", format!("max({column})"), has_order(field.data_type()))),
        ];
        lists.iter_mut().zip(rows).for_each(|(list, row)| list.push(row));
    }
    let about = if quartiles == Quartiles::Exact { "" } else { "~" };
    let names = [
        "column".to_owned(),
        "type".to_owned(),
        "count".to_owned(),
        "nulls".to_owned(),
        "~distinct".to_owned(),
        "mean".to_owned(),
        "std".to_owned(),
        "min".to_owned(),
        format!("{about}25%"),
        format!("{about}50%"),
        format!("{about}75%"),
        "max".to_owned(),
    ];
    let columns =
        lists.iter().zip(&names).map(|(list, name)| format!("unnest([{}]) AS {}", list.join(", "), quoted(name)));
    format!("SELECT {} FROM (SELECT {inner} FROM {})", columns.collect::<Vec<_>>().join(", "), quoted(name))
}

/// Types that have a least and a greatest value.
fn has_order(data_type: &DataType) -> bool {
    !data_type.is_nested() && *data_type != DataType::Null
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn text(expression: &str) -> String {
    format!("CAST({expression} AS VARCHAR)")
}

fn double(expression: &str) -> String {
    format!("CAST({expression} AS DOUBLE)")
}
