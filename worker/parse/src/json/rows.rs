//! The records of a split to batches: those that a filter keeps, or those that are bad.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};

use super::options::{Format, JsonOptions};
use super::reader::{BadColumn, Reader, Rules};
use super::records::{Group, Sink};
use super::rejects::Rejects;
use super::scan::Scanner;
use super::table::{Appended, Bad, Table};
use crate::{BadRecords, Extra, OnBad, Reason, RecordError, RowFilter, SplitRange, Wanted, Yield};

/// A batch is closed early when its records take so many bytes: the offsets of lists and texts are 32 bits wide.
const BATCH_BYTES: usize = 256 << 20;

/// Rows under construction.
pub(crate) struct Rows {
    options: Arc<JsonOptions>,
    rules: Rules,
    scanner: Scanner,
    /// The columns, or why there are none.
    table: Result<Table, BadColumn>,
    schema: SchemaRef,
    filter: Option<Filter>,
    extras: Vec<(Extra, Vec<i64>)>,
    rejects: Option<Rejects>,
    batch_rows: usize,
    batch_bytes: usize,
    /// Records so far, bad ones too.
    records: u64,
    starts_file: bool,
    ready: VecDeque<RecordBatch>,
    bad: BadRecords,
}

/// A filter and the columns that it looks at.
struct Filter {
    table: Table,
    schema: SchemaRef,
    filter: Box<dyn RowFilter>,
}

/// A record of a group that the filter may keep.
struct Candidate {
    index: usize,
    /// It is among the bad records already.
    is_counted: bool,
}

impl Rows {
    pub(crate) fn new(options: Arc<JsonOptions>, wanted: Wanted, split: SplitRange) -> Self {
        let Wanted { file_schema, projection, extras, filter, yields, batch_rows } = wanted;
        let batch_rows = batch_rows.max(1);
        let is_rows = yields == Yield::Rows;
        let fields: Vec<_> = projection.iter().map(|&column| Arc::clone(&file_schema.fields()[column])).collect();
        let filter = filter.map(|filter| Filter::new(filter, &fields, &options, batch_rows)).transpose();
        let (table, filter) = match filter {
            Ok(filter) => (Table::new(&fields, &options, batch_rows), filter),
            Err(refused) => (Err(refused), None),
        };
        let mut rules = Rules::new(&options);
        rules.bad_is_null &= is_rows;
        Rows {
            rules,
            options,
            scanner: Scanner::detect(),
            table,
            schema: Arc::new(Schema::new(with_extras(fields, &extras))),
            filter,
            extras: extras.into_iter().map(|extra| (extra, Vec::new())).collect(),
            rejects: (!is_rows).then(|| Rejects::new(batch_rows)),
            batch_rows,
            batch_bytes: 0,
            records: 0,
            starts_file: split.start == 0,
            ready: VecDeque::new(),
            bad: BadRecords::default(),
        }
    }

    pub(crate) fn next_batch(&mut self) -> Option<RecordBatch> {
        self.ready.pop_front()
    }

    pub(crate) fn bad_records(&self) -> &BadRecords {
        &self.bad
    }

    /// Makes a batch of what is there.
    pub(crate) fn flush(&mut self) {
        if let Some(rejects) = &mut self.rejects {
            self.ready.extend(rejects.flush());
            return;
        }
        let Ok(table) = &mut self.table else { return };
        let rows = table.rows();
        if rows == 0 {
            return;
        }
        let mut arrays = table.finish();
        for (_, values) in &mut self.extras {
            arrays.push(Arc::new(Int64Array::from(std::mem::take(values))) as ArrayRef);
        }
        self.batch_bytes = 0;
        self.ready.push_back(batch(&self.schema, arrays, rows));
    }

    /// Reads one record of a group.
    fn record(&mut self, reader: &mut Reader<'_>, group: Group<'_>, record: Candidate) -> Result<(), RecordError> {
        let Ok(table) = &mut self.table else { return Ok(()) };
        let span = group.spans[record.index];
        match table.append(reader, span) {
            Appended::Good => {}
            Appended::Changed(bad) => {
                if !record.is_counted {
                    self.changed(group, record.index, bad)?;
                }
            }
            Appended::Refused(bad) => return self.refused(group, record, bad),
        }
        for (extra, values) in &mut self.extras {
            values.push(match extra {
                Extra::Offset => group.offset_of(record.index).cast_signed(),
                Extra::RowNumber => (self.records + record.index as u64).cast_signed(),
            });
        }
        self.batch_bytes += span.end - span.start;
        let is_full = self.table.as_ref().is_ok_and(|table| table.rows() >= self.batch_rows);
        if is_full || self.batch_bytes >= BATCH_BYTES {
            self.flush();
        }
        Ok(())
    }

    /// Reads the records of a group that the filter keeps.
    fn filtered(&mut self, reader: &mut Reader<'_>, group: Group<'_>, filter: &mut Filter) -> Result<(), RecordError> {
        let mut candidates = Vec::with_capacity(group.spans.len());
        let mut failure = Ok(());
        for index in 0..group.spans.len() {
            match filter.table.append(reader, group.spans[index]) {
                Appended::Good => candidates.push(Candidate { index, is_counted: false }),
                Appended::Changed(bad) => {
                    failure = self.changed(group, index, bad);
                    candidates.push(Candidate { index, is_counted: true });
                }
                Appended::Refused(bad) => {
                    failure = self.refused(group, Candidate { index, is_counted: false }, bad);
                }
            }
            if failure.is_err() {
                break;
            }
        }
        let kept = filter.keep(candidates.len());
        let kept = kept.map_err(|text| error(group, 0, Bad::Record(Reason::Filter(text))))?;
        for (row, candidate) in candidates.into_iter().enumerate() {
            if kept.is_valid(row) && kept.value(row) {
                self.record(reader, group, candidate)?;
            }
        }
        // What lies before the record that fails the scan has been read.
        failure
    }

    /// Counts a record of which something is NULL now.
    fn changed(&mut self, group: Group<'_>, index: usize, bad: Bad) -> Result<(), RecordError> {
        self.check_lines(group, index, &bad)?;
        self.bad.add(error(group, index, bad));
        Ok(())
    }

    /// Leaves a record out, or fails.
    #[cold]
    fn refused(&mut self, group: Group<'_>, record: Candidate, bad: Bad) -> Result<(), RecordError> {
        self.check_lines(group, record.index, &bad)?;
        let span = group.spans[record.index];
        let error = error(group, record.index, bad);
        if record.is_counted { Ok(()) } else { self.leave_out(error, &group.bytes[span.start..span.end]) }
    }

    fn leave_out(&mut self, error: RecordError, text: &[u8]) -> Result<(), RecordError> {
        match &mut self.rejects {
            Some(rejects) => self.ready.extend(rejects.add(&error, text)),
            None if self.options.on_bad == OnBad::Fail => return Err(error),
            None => {}
        }
        self.bad.add(error);
        Ok(())
    }

    /// A file whose first record is bad because records are not one a line fails whatever becomes of bad records.
    fn check_lines(&self, group: Group<'_>, index: usize, bad: &Bad) -> Result<(), RecordError> {
        let is_first = self.starts_file && self.records == 0 && index == 0 && self.options.format == Format::Lines;
        if !is_first || self.rejects.is_some() || !matches!(bad, Bad::Record(Reason::Malformed { .. })) {
            return Ok(());
        }
        let span = group.spans[0];
        match not_lines(&group.bytes[span.start..span.end]) {
            Some(found) => Err(error(group, 0, Bad::Record(Reason::NotLines { found }))),
            None => Ok(()),
        }
    }
}

impl Sink for Rows {
    fn records(&mut self, group: Group<'_>) -> Result<(), RecordError> {
        if let Err(BadColumn { path, reason }) = &self.table {
            let bad = BadColumn { path: Arc::clone(path), reason: reason.clone() };
            return Err(error(group, 0, Bad::Column(Box::new(bad))));
        }
        let mut reader = Reader::new(group.bytes, self.scanner, self.rules);
        match self.filter.take() {
            Some(mut filter) => {
                let result = self.filtered(&mut reader, group, &mut filter);
                self.filter = Some(filter);
                result?;
            }
            None => {
                for index in 0..group.spans.len() {
                    self.record(&mut reader, group, Candidate { index, is_counted: false })?;
                }
            }
        }
        self.records += group.spans.len() as u64;
        if self.rejects.is_some()
            && let Ok(table) = &mut self.table
        {
            table.clear();
            self.extras.iter_mut().for_each(|(_, values)| values.clear());
        }
        Ok(())
    }

    fn broken(&mut self, error: RecordError, head: &[u8]) -> Result<(), RecordError> {
        let is_first = self.starts_file && self.records == 0 && self.options.format == Format::Lines;
        self.records += 1;
        match not_lines(head) {
            Some(found) if is_first && self.rejects.is_none() => {
                Err(RecordError { reason: Reason::NotLines { found }, ..error })
            }
            _ => self.leave_out(error, head),
        }
    }
}

impl Filter {
    fn new(
        filter: Box<dyn RowFilter>,
        fields: &[FieldRef],
        options: &JsonOptions,
        rows: usize,
    ) -> Result<Self, BadColumn> {
        let fields: Vec<_> = filter.columns().iter().map(|&column| Arc::clone(&fields[column])).collect();
        let table = Table::new(&fields, options, rows)?;
        Ok(Filter { table, schema: Arc::new(Schema::new(fields)), filter })
    }

    /// Which of the `rows` rows are kept.
    fn keep(&mut self, rows: usize) -> Result<BooleanArray, String> {
        let columns = batch(&self.schema, self.table.finish(), rows);
        let kept = self.filter.keep(&columns).map_err(|error| error.to_string())?;
        if kept.len() == rows { Ok(kept) } else { Err(format!("{} answers for {rows} rows", kept.len())) }
    }
}

fn batch(schema: &SchemaRef, arrays: Vec<ArrayRef>, rows: usize) -> RecordBatch {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options);
    batch.expect("each column got one value a row, of its field's type and nullability")
}

fn with_extras(mut fields: Vec<FieldRef>, extras: &[Extra]) -> Vec<FieldRef> {
    for extra in extras {
        let name = match extra {
            Extra::Offset => "offset",
            Extra::RowNumber => "row_number",
        };
        fields.push(Arc::new(Field::new(name, DataType::Int64, false)));
    }
    fields
}

/// What is wrong with a record of a group.
fn error(group: Group<'_>, index: usize, bad: Bad) -> RecordError {
    let (column, reason) = match bad {
        Bad::Record(Reason::Malformed { at, what }) => (None, Reason::Malformed { at: group.offset + at, what }),
        Bad::Record(reason) => (None, reason),
        Bad::Column(bad) => (Some(bad.path.to_string()), bad.reason),
    };
    RecordError { offset: group.offset_of(index), line: group.line_of(index), column, reason }
}

/// What a file's first line is when it is not a record by itself.
pub(crate) fn not_lines(line: &[u8]) -> Option<&'static str> {
    let line = line.trim_ascii();
    match (line.first()?, line.last()?) {
        (b'[', _) => Some("an array"),
        (b'{', b'{' | b'[' | b',') => Some("an object that goes on over several lines"),
        _ => None,
    }
}
