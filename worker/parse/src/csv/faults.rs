//! Fields that cannot be read: collected while columns grow, judged by the policy when all columns have.

use std::ops::Range;

use crate::csv::fields::Fields;
use crate::{OnBad, Reason};

/// A field that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Number of the record in its scan.
    pub row: usize,
    /// The record's bytes in the block.
    pub start: usize,
    pub end: usize,
    /// Index of the column in the projection.
    pub column: Option<usize>,
    pub reason: Reason,
    /// The record cannot stay.
    pub drops: bool,
}

impl Fault {
    /// What ends a scan whose first record is `record`, and is about no column.
    pub(crate) fn of_scan(record: Range<usize>, reason: Reason) -> Self {
        Fault { row: 0, start: record.start, end: record.end, column: None, reason, drops: true }
    }
}

/// The scan cannot go on.
#[derive(Debug)]
pub(crate) struct Stop;

/// The faults of one pass over a scan's columns.
#[derive(Debug)]
pub(crate) struct Faults {
    policy: OnBad,
    found: Vec<Fault>,
}

impl Faults {
    pub(crate) fn new(policy: OnBad) -> Self {
        Faults { policy, found: Vec::new() }
    }

    /// Notes that the field of record `row` cannot be read. The column then takes NULL for it, even if it must not:
    /// such a record is dropped before anybody sees it.
    #[cold]
    pub(crate) fn add(&mut self, fields: &Fields<'_>, row: usize, reason: Reason) -> Result<(), Stop> {
        let drops = self.policy != OnBad::Null || !fields.nullable;
        self.push(fields, row, reason, drops);
        if self.policy == OnBad::Fail { Err(Stop) } else { Ok(()) }
    }

    /// Notes a fault that ends the scan whatever the policy is.
    #[cold]
    pub(crate) fn fatal(&mut self, fields: &Fields<'_>, row: usize, reason: Reason) -> Stop {
        self.found.clear();
        self.push(fields, row, reason, true);
        Stop
    }

    fn push(&mut self, fields: &Fields<'_>, row: usize, reason: Reason, drops: bool) {
        let record = fields.rows.record(row, fields.stride);
        let (start, end) = (record.start, record.end);
        self.found.push(Fault { row: fields.rows.origin(row), start, end, column: Some(fields.column), reason, drops });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// A record whose fault forbids that it stays is among them.
    pub(crate) fn drops_any(&self) -> bool {
        self.found.iter().any(|fault| fault.drops)
    }

    /// Whether the record may stay as far as is known.
    pub(crate) fn spares(&self, row: usize) -> bool {
        self.found.iter().all(|fault| fault.row != row || !fault.drops)
    }

    /// The earliest record's first fault.
    pub(crate) fn worst(self) -> Option<Fault> {
        self.found.into_iter().min_by_key(|fault| fault.row)
    }

    /// Each record's first fault, in the file's order.
    pub(crate) fn by_record(mut self) -> Vec<Fault> {
        // Stable: the columns were gone through in order.
        self.found.sort_by_key(|fault| fault.row);
        self.found.dedup_by_key(|fault| fault.row);
        self.found
    }
}
