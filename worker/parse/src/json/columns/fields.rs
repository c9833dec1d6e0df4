//! The members of an object that are wanted, each with its column.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use arrow::datatypes::FieldRef;

use super::{Column, Making, Unsupported, column};
use crate::json::cursor::{Cursor, Malformed, Wanted};
use crate::json::reader::{Fault, Reader};
use crate::json::scan::Nesting;

/// Up to so many names are compared one by one.
const FEW: usize = 12;

/// Columns by the keys of an object. A column that lacks its last rows is NULL there: most objects of a file lack most of
/// the keys that some object has, so that a missing key must cost nothing.
pub(crate) struct Fields {
    names: Vec<Name>,
    columns: Vec<Box<dyn Column>>,
    /// Rows of each column.
    lengths: Vec<usize>,
    /// Columns that must not be NULL.
    required: Vec<usize>,
    rows: usize,
    /// The name with which the last object began.
    first: usize,
    /// Indices by name, if there are many.
    index: HashMap<Vec<u8>, usize>,
}

struct Name {
    text: Vec<u8>,
    /// As it is written in the file, with its colon; `None` if it cannot be without escapes.
    written: Option<Wanted>,
    /// The name that came behind it last time.
    successor: usize,
}

impl Fields {
    /// Columns for `fields`, which are members of the column at `path`; empty at the top.
    pub(crate) fn new(fields: &[FieldRef], path: &str, making: Making<'_>) -> Result<Self, Unsupported> {
        let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let columns = fields.iter().map(|field| column(field, &at(field.name()), making));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let names: Vec<_> = fields.iter().enumerate().map(|(at, field)| Name::new(field.name(), at + 1)).collect();
        let mut index = HashMap::new();
        if names.len() > FEW {
            for (at, name) in names.iter().enumerate() {
                index.entry(name.text.clone()).or_insert(at);
            }
        }
        let required = (0..fields.len()).filter(|at| !fields[*at].is_nullable()).collect();
        Ok(Fields { lengths: vec![0; names.len()], required, rows: 0, names, columns, first: 0, index })
    }

    /// Appends a row from the object whose brace was just passed, and passes the rest of it, unless it `is_last`. The
    /// first of equal keys counts. After an error [`Self::truncate`] must follow.
    pub(crate) fn append(&mut self, reader: &mut Reader<'_>, is_last: bool) -> Result<(), Fault> {
        let mut missing = self.columns.len();
        // The last key that names a column.
        let mut last = None;
        reader.cursor.skip_blanks();
        if missing > 0 && reader.cursor.peek() == b'}' {
            reader.cursor.step();
            return self.end_row();
        }
        while missing > 0 {
            let member = self.member(&mut reader.cursor, last)?;
            last = member.or(last);
            match member {
                Some(index) if self.lengths[index] <= self.rows => {
                    missing -= 1;
                    self.catch_up(index);
                    self.columns[index].append(reader, is_last && missing == 0)?;
                    self.lengths[index] = self.rows + 1;
                    if missing == 0 {
                        break;
                    }
                }
                _ => reader.cursor.skip_value()?,
            }
            if !reader.cursor.comma_or(b'}')? {
                return self.end_row();
            }
        }
        if !is_last {
            reader.cursor.skip_rest(Nesting::OBJECT)?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Appends rows of NULLs, allowed or not.
    pub(crate) fn append_nulls(&mut self, count: usize) {
        self.rows += count;
    }

    /// Appends a row of NULLs, if all of them are allowed.
    pub(crate) fn append_missing(&mut self) -> Result<(), Fault> {
        self.end_row()
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        self.rows = self.rows.min(rows);
        for (column, length) in self.columns.iter_mut().zip(&mut self.lengths) {
            column.truncate(rows);
            *length = rows.min(*length);
        }
    }

    pub(crate) fn finish(&mut self) -> Vec<ArrayRef> {
        (0..self.columns.len()).for_each(|index| self.catch_up(index));
        self.rows = 0;
        self.lengths.fill(0);
        self.columns.iter_mut().map(|column| column.finish()).collect()
    }

    /// Gives a column the NULLs that it lacks.
    fn catch_up(&mut self, index: usize) {
        let lacking = self.rows - self.lengths[index];
        if lacking > 0 {
            self.columns[index].append_nulls(lacking);
            self.lengths[index] = self.rows;
        }
    }

    /// Ends a row, of which NULL is what has no value.
    fn end_row(&mut self) -> Result<(), Fault> {
        for index in &self.required {
            if self.lengths[*index] <= self.rows {
                self.columns[*index].spot().null()?;
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Passes the key that is next and its colon; the column that it names.
    #[inline]
    fn member(&mut self, cursor: &mut Cursor<'_>, last: Option<usize>) -> Result<Option<usize>, Malformed> {
        let expected = match last {
            Some(last) => self.names[last].successor,
            None => self.first,
        };
        if let Some(Name { written: Some(written), .. }) = self.names.get(expected)
            && cursor.pass(written)
        {
            cursor.skip_blanks();
            return Ok(Some(expected));
        }
        self.other_member(cursor, last)
    }

    /// A key that was not expected.
    #[inline(never)]
    fn other_member(&mut self, cursor: &mut Cursor<'_>, last: Option<usize>) -> Result<Option<usize>, Malformed> {
        let raw = cursor.key()?;
        cursor.colon()?;
        let found = match raw.has_escapes {
            false => self.find(raw.bytes),
            true => raw.key().and_then(|key| self.find(&key)),
        };
        if let Some(found) = found {
            match last {
                Some(last) => self.names[last].successor = found,
                None => self.first = found,
            }
        }
        Ok(found)
    }

    fn find(&self, key: &[u8]) -> Option<usize> {
        if self.names.len() > FEW {
            return self.index.get(key).copied();
        }
        self.names.iter().position(|name| name.text == key)
    }
}

impl Name {
    fn new(name: &str, successor: usize) -> Name {
        let is_plain = name.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
        let written = is_plain.then(|| Wanted::new(format!("\"{name}\":").into_bytes()));
        Name { text: name.into(), written, successor }
    }
}
