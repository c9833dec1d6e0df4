//! Text columns. Strings are copied once, where they lie or through the scratch text of their escapes; other values keep
//! the text that they are written with.
#![allow(unsafe_code, reason = "string arrays are built from bytes that were just validated, without a second pass")]

use std::mem;
use std::sync::Arc;

use arrow::array::{ArrayRef, GenericStringArray, NullBufferBuilder, OffsetSizeTrait, StringViewArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use super::Column;
use crate::Reason;
use crate::json::number::{Form, form};
use crate::json::reader::{Fault, Reader, Spot, Token};
use crate::json::text::shown;
use crate::views::{self, FULL_BUFFER, INLINE};

/// A text that is not UTF-8.
pub(super) struct NotUtf8;

/// How texts are kept.
pub(super) trait Store: Send {
    fn new(rows: usize) -> Self;
    /// Appends a copy of the first `len` bytes of `tail`, which is validated where it lies: the text may be in a mapping
    /// of a file that somebody changes.
    fn push(&mut self, tail: &[u8], len: usize) -> Result<(), NotUtf8>;
    /// Appends `count` empty texts, as what NULLs hide.
    fn push_nothing(&mut self, count: usize);
    fn truncate(&mut self, rows: usize);
    fn finish(&mut self, nulls: Option<arrow::buffer::NullBuffer>) -> ArrayRef;
}

/// A column of texts.
pub(super) struct Texts<S: Store> {
    spot: Spot,
    store: S,
    nulls: NullBufferBuilder,
}

impl<S: Store> Texts<S> {
    pub(super) fn new(spot: &Spot, rows: usize) -> Self {
        Texts { spot: spot.clone(), store: S::new(rows), nulls: NullBufferBuilder::new(rows) }
    }

    /// Appends the first `len` bytes of `tail`.
    #[inline]
    fn push(&mut self, reader: &mut Reader<'_>, tail: &[u8], len: usize) -> Result<(), Fault> {
        match self.store.push(tail, len) {
            Ok(()) => {
                self.nulls.append_non_null();
                Ok(())
            }
            Err(NotUtf8) => self.push_other(reader, &tail[..len]),
        }
    }

    /// What is not UTF-8.
    #[cold]
    fn push_other(&mut self, reader: &mut Reader<'_>, text: &[u8]) -> Result<(), Fault> {
        if reader.rules.lossy {
            let text = String::from_utf8_lossy(text);
            if self.store.push(text.as_bytes(), text.len()).is_ok() {
                self.nulls.append_non_null();
                return Ok(());
            }
        }
        reader.forgive(&self.spot, Reason::NotUtf8 { value: shown(text) })?;
        self.append_null();
        Ok(())
    }

    /// A string with escapes.
    fn push_escaped(&mut self, reader: &mut Reader<'_>, raw: crate::json::cursor::Raw<'_>) -> Result<(), Fault> {
        let Some(text) = reader.meaning(raw.bytes, &self.spot)? else {
            self.append_null();
            return Ok(());
        };
        let result = self.push(reader, &text, text.len());
        reader.give_back(text);
        result
    }
}

impl<S: Store> Column for Texts<S> {
    fn spot(&self) -> &Spot {
        &self.spot
    }

    fn append(&mut self, reader: &mut Reader<'_>, _is_last: bool) -> Result<(), Fault> {
        let (start, tail) = (reader.cursor.at(), reader.cursor.tail());
        match reader.token()? {
            Token::String(raw) if !raw.has_escapes => self.push(reader, &tail[1..], raw.bytes.len()),
            Token::String(raw) => self.push_escaped(reader, raw),
            Token::Null => self.append_missing(),
            Token::Number(text) if form(text) == Form::Bad => {
                reader.bad_value(&self.spot, start, "VARCHAR")?;
                self.append_null();
                Ok(())
            }
            Token::Number(_) | Token::Special(_) | Token::Boolean(_) | Token::Container => {
                let len = reader.cursor.since(start).len();
                self.push(reader, tail, len)
            }
        }
    }

    fn append_nulls(&mut self, count: usize) {
        self.store.push_nothing(count);
        self.nulls.append_n_nulls(count);
    }

    fn truncate(&mut self, rows: usize) {
        self.store.truncate(rows);
        self.nulls.truncate(rows.min(self.nulls.len()));
    }

    fn finish(&mut self) -> ArrayRef {
        self.store.finish(self.nulls.finish())
    }
}

/// Short texts in the views, long ones copied to buffers.
pub(super) struct Views {
    views: Vec<u128>,
    full: Vec<Buffer>,
    long: Vec<u8>,
    rows: usize,
}

impl Store for Views {
    fn new(rows: usize) -> Self {
        Views { views: Vec::with_capacity(rows), full: Vec::new(), long: Vec::new(), rows }
    }

    #[inline]
    fn push(&mut self, tail: &[u8], len: usize) -> Result<(), NotUtf8> {
        if let Some(view) = views::short(tail, len) {
            self.views.push(view);
            return Ok(());
        }
        if len <= INLINE {
            self.views.push(views::inline(&tail[..len]).map_err(|_| NotUtf8)?);
            return Ok(());
        }
        if self.long.len() >= FULL_BUFFER {
            self.full.push(mem::take(&mut self.long).into());
        }
        let offset = self.long.len();
        views::copy(&mut self.long, tail, len).map_err(|_| NotUtf8)?;
        self.views.push(views::long(&self.long[offset..], self.full.len(), offset));
        Ok(())
    }

    fn push_nothing(&mut self, count: usize) {
        self.views.resize(self.views.len() + count, 0);
    }

    fn truncate(&mut self, rows: usize) {
        self.views.truncate(rows);
        if rows == 0 {
            self.full.clear();
            self.long.clear();
        }
    }

    fn finish(&mut self, nulls: Option<arrow::buffer::NullBuffer>) -> ArrayRef {
        let views = mem::replace(&mut self.views, Vec::with_capacity(self.rows));
        let mut buffers = mem::take(&mut self.full);
        if !self.long.is_empty() {
            let capacity = self.long.len();
            buffers.push(mem::replace(&mut self.long, Vec::with_capacity(capacity)).into());
        }
        // SAFETY: every view was made by `views` over text that was validated as UTF-8 where it lies now: inside the
        // view, or at that offset of that buffer. Buffers only grow until they are closed. Views and nulls grew together.
        Arc::new(unsafe { StringViewArray::new_unchecked(views.into(), buffers, nulls) })
    }
}

/// Texts one behind the other, with offsets.
pub(super) struct Strings<O: OffsetSizeTrait> {
    offsets: Vec<O>,
    text: Vec<u8>,
    rows: usize,
}

impl<O: OffsetSizeTrait> Strings<O> {
    fn end_text(&mut self) {
        // Batches are closed long before their text is too long for the offsets.
        self.offsets.push(O::usize_as(self.text.len()));
    }
}

impl<O: OffsetSizeTrait> Store for Strings<O> {
    fn new(rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(O::usize_as(0));
        Strings { offsets, text: Vec::new(), rows }
    }

    fn push(&mut self, tail: &[u8], len: usize) -> Result<(), NotUtf8> {
        views::copy(&mut self.text, tail, len).map_err(|_| NotUtf8)?;
        self.end_text();
        Ok(())
    }

    fn push_nothing(&mut self, count: usize) {
        self.offsets.resize(self.offsets.len() + count, O::usize_as(self.text.len()));
    }

    fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        self.text.truncate(self.offsets.last().map_or(0, |end| end.as_usize()));
    }

    fn finish(&mut self, nulls: Option<arrow::buffer::NullBuffer>) -> ArrayRef {
        let done = mem::replace(self, Self::new(self.rows));
        let offsets = OffsetBuffer::new(ScalarBuffer::from(done.offsets));
        // SAFETY: each text was validated as UTF-8 where it lies, and the offsets are the texts' ends, ascending, one a
        // row; nulls grew with them.
        Arc::new(unsafe { GenericStringArray::<O>::new_unchecked(offsets, done.text.into(), nulls) })
    }
}
