//! The members of an object that are wanted, each with its column.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use arrow::datatypes::FieldRef;

use super::{Column, Unsupported, column};
use crate::json::cursor::{Cursor, Malformed};
use crate::json::reader::{Fault, Reader};
use crate::json::scan::Nesting;

/// Up to so many names are compared one by one.
const FEW: usize = 12;

/// Columns by the keys of an object.
pub(crate) struct Fields {
    names: Vec<Name>,
    columns: Vec<Box<dyn Column>>,
    /// For each column the last object that had its key, by number.
    filled: Vec<u64>,
    /// Number of the current object.
    object: u64,
    /// The name that is expected next: objects of a file mostly have the same keys in the same order.
    next: usize,
    /// Indices by name, if there are many.
    index: HashMap<Vec<u8>, usize>,
}

struct Name {
    text: Vec<u8>,
    /// As it is written in the file; `None` if it cannot be without escapes.
    quoted: Option<Vec<u8>>,
}

impl Fields {
    /// Columns for `fields`, which are members of the column at `path`; empty at the top.
    pub(crate) fn new(fields: &[FieldRef], path: &str, rows: usize) -> Result<Self, Unsupported> {
        let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let columns = fields.iter().map(|field| column(field, &at(field.name()), rows));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let names: Vec<_> = fields.iter().map(|field| Name::new(field.name())).collect();
        let mut index = HashMap::new();
        if names.len() > FEW {
            for (at, name) in names.iter().enumerate() {
                index.entry(name.text.clone()).or_insert(at);
            }
        }
        Ok(Fields { filled: vec![0; names.len()], names, columns, object: 0, next: 0, index })
    }

    /// Appends a row from the object whose brace was just passed, and passes the rest of it, unless it `is_last`. The
    /// first of equal keys counts.
    pub(crate) fn append(&mut self, reader: &mut Reader<'_>, is_last: bool) -> Result<(), Fault> {
        self.object += 1;
        let mut missing = self.columns.len();
        reader.cursor.skip_blanks();
        if missing > 0 && reader.cursor.peek() == b'}' {
            reader.cursor.step();
            return self.fill();
        }
        while missing > 0 {
            let member = self.member(&mut reader.cursor)?;
            reader.cursor.colon()?;
            match member {
                Some(index) if self.filled[index] != self.object => {
                    self.filled[index] = self.object;
                    missing -= 1;
                    self.columns[index].append(reader, is_last && missing == 0)?;
                    if missing == 0 {
                        break;
                    }
                }
                _ => reader.cursor.skip_value()?,
            }
            if !reader.cursor.comma_or(b'}')? {
                return self.fill();
            }
        }
        if !is_last {
            reader.cursor.skip_rest(Nesting::OBJECT)?;
        }
        Ok(())
    }

    /// Appends a row of NULLs, allowed or not.
    pub(crate) fn append_null(&mut self) {
        for column in &mut self.columns {
            column.append_null();
        }
    }

    /// Appends a row of NULLs.
    pub(crate) fn append_missing(&mut self) -> Result<(), Fault> {
        self.columns.iter_mut().try_for_each(|column| column.append_missing())
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        for column in &mut self.columns {
            column.truncate(rows);
        }
    }

    pub(crate) fn finish(&mut self) -> Vec<ArrayRef> {
        self.columns.iter_mut().map(|column| column.finish()).collect()
    }

    /// NULL for the keys that the current object lacks.
    fn fill(&mut self) -> Result<(), Fault> {
        for (column, filled) in self.columns.iter_mut().zip(&self.filled) {
            if *filled != self.object {
                column.append_missing()?;
            }
        }
        Ok(())
    }

    /// Passes the key that is next; the column that it names.
    #[inline]
    fn member(&mut self, cursor: &mut Cursor<'_>) -> Result<Option<usize>, Malformed> {
        let expected = self.next;
        if let Some(Name { quoted: Some(quoted), .. }) = self.names.get(expected)
            && cursor.pass(quoted)
        {
            self.expect_behind(expected);
            return Ok(Some(expected));
        }
        let raw = cursor.key()?;
        let found = match raw.has_escapes {
            false => self.find(raw.bytes),
            true => raw.key().and_then(|key| self.find(&key)),
        };
        if let Some(found) = found {
            self.expect_behind(found);
        }
        Ok(found)
    }

    fn expect_behind(&mut self, index: usize) {
        self.next = if index + 1 == self.names.len() { 0 } else { index + 1 };
    }

    fn find(&self, key: &[u8]) -> Option<usize> {
        if self.names.len() > FEW {
            return self.index.get(key).copied();
        }
        self.names.iter().position(|name| name.text == key)
    }
}

impl Name {
    fn new(name: &str) -> Name {
        let is_plain = name.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
        Name { text: name.into(), quoted: is_plain.then(|| format!("\"{name}\"").into_bytes()) }
    }
}
