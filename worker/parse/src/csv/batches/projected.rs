//! A column of the projection: where its fields lie, how they become text, and the array that grows.

use arrow::array::ArrayRef;
use arrow::datatypes::FieldRef;

use super::Scanned;
use crate::Reason;
use crate::csv::columns::{Column, Reading, Truths, column};
use crate::csv::faults::{Faults, Stop};
use crate::csv::fields::{Fields, TextRules};
use crate::csv::options::CsvOptions;
use crate::csv::shape::Pick;
use crate::values::{Format, Locale};

/// A column of the projection.
pub(super) struct Projected {
    pub field: FieldRef,
    /// Its values are handed over by the filter.
    pub is_probed: bool,
    index: usize,
    pick: Pick,
    stride: usize,
    rules: TextRules,
    /// `None`: CSV fields cannot be read into this type.
    pub column: Option<Box<dyn Column>>,
}

impl Projected {
    /// Column `index` of the projection, which expects `rows` rows.
    pub(super) fn new(
        options: &CsvOptions,
        (pick, stride): (Pick, usize),
        index: usize,
        field: FieldRef,
        rows: usize,
    ) -> Self {
        let own = options.columns.get(field.name());
        let encode = |texts: &[String]| texts.iter().filter_map(|text| options.encoding.encode(text)).collect();
        let format = own.and_then(|own| own.format.as_deref()).and_then(|format| Format::compile(format).ok());
        let reading = Reading {
            data_type: field.data_type(),
            rows,
            locale: Locale { decimal: options.decimal_separator, thousands: options.thousands },
            format,
            truths: Truths { yes: encode(&options.true_values), no: encode(&options.false_values) },
        };
        let column = column(reading);
        let rules = TextRules::new(options, own);
        Projected { field, is_probed: false, index, pick, stride, rules, column }
    }

    /// Reads the fields of a scan, unless the filter does.
    pub(super) fn read(&mut self, scanned: &Scanned<'_>, faults: &mut Faults) -> Result<(), Stop> {
        if self.is_probed {
            return Ok(());
        }
        let fields = Fields {
            block: scanned.block,
            rows: scanned.rows,
            stride: self.stride,
            pick: self.pick,
            rules: &self.rules,
            column: self.index,
            nullable: self.field.is_nullable(),
        };
        match &mut self.column {
            Some(column) => column.append(&fields, faults),
            None => Err(faults.fatal(&fields, 0, Reason::UnsupportedType(self.field.data_type().to_string()))),
        }
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        if let Some(column) = self.column.as_mut().filter(|_| !self.is_probed) {
            column.truncate(rows);
        }
    }

    pub(super) fn finish(&mut self) -> Option<ArrayRef> {
        Some(self.column.as_mut()?.finish())
    }
}
