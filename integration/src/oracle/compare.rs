//! Whether two answers are one.

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::answer::{Answer, Value};

/// Whether the order of the rows counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The question leaves it open.
    Any,
    /// The question orders every row.
    Total,
}

/// Largest relative error of a number: engines add up in different orders.
const ERROR: f64 = 1e-9;

/// Compares two answers: names of columns (in any case), number of rows, values.
///
/// # Errors
/// The first difference.
pub fn compare(expected: &Answer, found: &Answer, order: Order) -> Result<(), String> {
    let names =
        |answer: &Answer| -> Vec<String> { answer.columns.iter().map(|column| column.name.to_lowercase()).collect() };
    if names(expected) != names(found) {
        return Err(format!("columns {:?}, expected {:?}", names(found), names(expected)));
    }
    let (right, left) = (expected.rows.len(), found.rows.len());
    if right != left {
        return Err(format!("{left} rows, expected {right}; {}", unmatched(expected, found)));
    }
    match order {
        Order::Total => in_order(expected, found),
        Order::Any => match first_unmatched(expected, found) {
            Some(row) => Err(format!("no row is {}; {}", shown(row), unmatched(found, expected))),
            None => Ok(()),
        },
    }
}

fn in_order(expected: &Answer, found: &Answer) -> Result<(), String> {
    let rows = expected.rows.iter().zip(&found.rows).enumerate();
    match rows.into_iter().find(|(_, (right, row))| !same_row(right, row)) {
        Some((index, (right, row))) => Err(format!("row {index} is {}, expected {}", shown(row), shown(right))),
        None => Ok(()),
    }
}

/// A row of `expected` for which `found` has none left. Rows are sorted first, so that the partner is nearly always the first
/// one that is left.
fn first_unmatched<'a>(expected: &'a Answer, found: &Answer) -> Option<&'a Vec<Value>> {
    let mut left: VecDeque<&Vec<Value>> = sorted(&found.rows).into();
    sorted(&expected.rows).into_iter().find(|row| {
        let partner = left.iter().position(|other| same_row(row, other));
        partner.and_then(|index| left.remove(index)).is_none()
    })
}

fn unmatched(expected: &Answer, found: &Answer) -> String {
    match first_unmatched(expected, found) {
        Some(row) => format!("without a partner on the other side: {}", shown(row)),
        None => "the other side has them all".to_owned(),
    }
}

/// Rows by their exact values first, and by their numbers last: those may differ a little on the other side.
fn sorted(rows: &[Vec<Value>]) -> Vec<&Vec<Value>> {
    let mut rows: Vec<&Vec<Value>> = rows.iter().collect();
    let is_number = |value: &&Value| matches!(value, Value::Float(_));
    rows.sort_by(|a, b| {
        let exact = |row: &Vec<Value>| row.iter().filter(|value| !is_number(value)).cloned().collect::<Vec<_>>();
        let numbers = |row: &Vec<Value>| row.iter().filter(is_number).cloned().collect::<Vec<_>>();
        by_values(&exact(a), &exact(b)).then_with(|| by_values(&numbers(a), &numbers(b)))
    });
    rows
}

fn by_values(a: &[Value], b: &[Value]) -> Ordering {
    let pairs = a.iter().zip(b).map(|(a, b)| by_value(a, b));
    pairs.fold(Ordering::Equal, Ordering::then).then(a.len().cmp(&b.len()))
}

fn by_value(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Time(a), Value::Time(b)) | (Value::Text(a), Value::Text(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Int(_) => 1,
        Value::Float(_) => 2,
        Value::Bool(_) => 3,
        Value::Time(_) => 4,
        Value::Text(_) => 5,
    }
}

fn same_row(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => {
            a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= ERROR * a.abs().max(b.abs())
        }
        _ => a == b,
    }
}

fn shown(row: &[Value]) -> String {
    let cells: Vec<String> = row.iter().map(Value::to_string).collect();
    format!("({})", cells.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::answer::{Column, Kind};
    use super::*;

    fn answer(rows: &[(i128, f64)]) -> Answer {
        let column = |name: &str, kind| Column { name: name.to_owned(), kind };
        Answer {
            columns: vec![column("a", Kind::Int), column("b", Kind::Float)],
            rows: rows.iter().map(|(a, b)| vec![Value::Int(*a), Value::Float(*b)]).collect(),
        }
    }

    #[test]
    fn rows_are_a_multiset_unless_they_are_ordered() {
        let (one, other) = (answer(&[(1, 0.1), (2, 0.5), (2, 0.5)]), answer(&[(2, 0.5), (1, 0.1 + 1e-12), (2, 0.5)]));
        assert_eq!(compare(&one, &other, Order::Any), Ok(()));
        assert!(compare(&one, &other, Order::Total).unwrap_err().contains("row 0 is (2, 0.5)"));
        let twice = answer(&[(1, 0.1), (1, 0.1), (2, 0.5)]);
        assert!(compare(&one, &twice, Order::Any).unwrap_err().contains("no row is (2, 0.5)"));
    }

    #[test]
    fn numbers_may_differ_a_little_and_only_they() {
        let right = answer(&[(1, 1e6)]);
        assert_eq!(compare(&right, &answer(&[(1, 1e6 + 1e-4)]), Order::Total), Ok(()));
        assert!(compare(&right, &answer(&[(1, 1e6 + 1e-2)]), Order::Any).is_err());
        assert!(compare(&right, &answer(&[(2, 1e6)]), Order::Any).is_err());
        assert!(compare(&right, &answer(&[]), Order::Any).unwrap_err().contains("0 rows, expected 1"));
    }

    #[test]
    fn a_partner_need_not_be_at_the_same_place() {
        // Sorted, the second numbers are crossed: the first ones differ by less than counts.
        let row = |a: f64, b: f64| vec![Value::Float(a), Value::Float(b)];
        let mut one = answer(&[]);
        let mut other = one.clone();
        one.rows = vec![row(1.0, 7.0), row(1.0 + 1e-12, 3.0)];
        other.rows = vec![row(1.0 + 1e-12, 7.0), row(1.0, 3.0)];
        assert_eq!(compare(&one, &other, Order::Any), Ok(()));
    }
}
