//! A reader of CSV files that is slow and plainly right: one byte after the other, the whole file at once, every option.
//! What the kernel decodes must equal what it reads.
#![allow(dead_code, unused_imports, reason = "each test uses a part")]

mod case;
mod kernel;
mod record;
mod value;

pub use case::Case;
pub use kernel::{cut, decode, rejects};

use bobbin_parse::OnBad;
use record::{Parsed, Reader};

/// A row as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub offset: u64,
    pub number: u64,
    pub values: Vec<Option<String>>,
}

/// A bad record: offset, line, kind, column.
pub type Fault = (u64, u64, &'static str, Option<String>);

/// What a file should give.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expected {
    pub rows: Vec<Row>,
    pub bad: Vec<Fault>,
    /// What ends the scan.
    pub error: Option<Fault>,
}

/// Reads `file`.
pub fn read(case: &Case, file: &[u8]) -> Expected {
    let mut expected = Expected::default();
    let reader = Reader { options: &case.options, columns: case.types.len(), file };
    let Some(mut at) = lead(&reader, &mut expected) else { return expected };
    let mut number = 0;
    while at < file.len() {
        if let Some(next) = reader.skipped_line(at) {
            at = next;
            continue;
        }
        let parsed = reader.record(at);
        let next = parsed.next();
        let fault = take(case, parsed, at, number, &mut expected);
        if let Some((kind, column)) = fault {
            let fault = (at as u64, line(file, at), kind, column);
            if case.options.on_bad == OnBad::Fail {
                expected.error = Some(fault);
                return expected;
            }
            expected.bad.push(fault);
        }
        number += 1;
        at = next;
    }
    expected
}

/// Where the first record is, if the lead can be read.
fn lead(reader: &Reader<'_>, expected: &mut Expected) -> Option<usize> {
    let options = reader.options;
    let mut at = if reader.file.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    for _ in 0..options.skip_rows {
        at = reader.next_line(at);
    }
    if !options.header {
        return Some(at);
    }
    while at < reader.file.len() {
        if let Some(next) = reader.skipped_line(at) {
            at = next;
            continue;
        }
        let kind = match reader.record(at) {
            Parsed::Good { fields, next } if fields.len() == reader.columns => {
                at = next;
                for _ in 0..options.skip_rows_after_header {
                    at = reader.next_line(at);
                }
                return Some(at);
            }
            Parsed::Good { .. } => "field count",
            Parsed::Bad { kind, .. } => kind,
        };
        expected.error = Some((at as u64, line(reader.file, at), kind, None));
        return None;
    }
    None
}

/// Adds the row of a record, if it has one; gives its first fault.
fn take(
    case: &Case,
    parsed: Parsed,
    at: usize,
    number: u64,
    expected: &mut Expected,
) -> Option<(&'static str, Option<String>)> {
    let (fields, structural) = match parsed {
        Parsed::Good { fields, .. } => (fields, None),
        Parsed::Bad { kind, readable: Some(fields), .. } if case.options.on_bad == OnBad::Null => (fields, Some(kind)),
        Parsed::Bad { kind, .. } => return Some((kind, None)),
    };
    let mut values = vec![None; case.projection.len()];
    let mut first = structural.map(|kind| (kind, None));
    let mut is_dropped = false;
    // The filter's columns come first, and those of a record that it refuses are all that is looked at.
    let filtered: Vec<usize> = case.filter.into_iter().collect();
    let others = (0..case.projection.len()).filter(|index| !filtered.contains(index));
    for index in filtered.iter().copied().chain(others) {
        let column = case.projection[index];
        let field = fields.get(column).cloned().flatten();
        let value = value::of(case, column, field);
        let fault = match &value {
            Err(kind) => Some(*kind),
            Ok(None) if !case.nullable[column] => Some("unexpected null"),
            Ok(_) => None,
        };
        if let Some(kind) = fault {
            first.get_or_insert((kind, Some(case.name(column))));
            is_dropped |= case.options.on_bad != OnBad::Null || !case.nullable[column];
        }
        values[index] = value.ok().flatten();
        if Some(index) == case.filter && !is_dropped && !Case::keeps(values[index].as_deref()) {
            return first;
        }
        if Some(index) == case.filter && is_dropped {
            return first;
        }
    }
    if !is_dropped {
        expected.rows.push(Row { offset: at as u64, number, values });
    }
    first
}

fn line(file: &[u8], at: usize) -> u64 {
    1 + file[..at].iter().filter(|byte| **byte == b'\n').count() as u64
}
