//! Lines that need a second look: comments, empty lines, records of another length than most.

use super::{Halt, Scanner};
use crate::csv::machine::{self, Step};
use crate::csv::tokenizer::{Bad, End};

impl Scanner<'_> {
    /// Ends a line that is not a record of the usual form, at least at first sight; the next one starts at `next`.
    #[inline(never)]
    pub(super) fn finish_other(&mut self, end: usize, next: usize) -> Result<(), Halt> {
        if matches!(&self.block[self.cursor.start..end], [] | [b'\r']) {
            self.skipped_lines += 1;
        } else if self.shape.is_lenient() {
            self.check_length(end)?;
            let end = self.lenient_end(end)?;
            self.store(end)?;
        } else if self.cursor.seen as usize + 1 == self.shape.columns {
            self.store(end)?;
        } else {
            return Err(self.field_count());
        }
        self.start_next(next)?;
        if self.shape.is_comment(&self.block[next..]) { Err(Halt::Comment) } else { Ok(()) }
    }

    /// Where the fields of a record end that may lack some, or have a separator behind the last one. The carriage
    /// return of the line end is not part of them.
    fn lenient_end(&mut self, end: usize) -> Result<usize, Halt> {
        let end = end - usize::from(end > self.cursor.start && self.block[end - 1] == b'\r');
        let found = self.cursor.seen as usize + 1;
        let row = self.cursor.count * self.shape.stride();
        if found == self.shape.columns + 1 && self.shape.allow_trailing {
            let separator = self.rows.positions[row + self.cursor.kept] as usize;
            let is_skipped = |byte: &u8| self.shape.grammar.is_skipped(*byte);
            if self.block[separator + 1..end].iter().all(is_skipped) {
                return Ok(separator);
            }
        }
        if found > self.shape.columns || (found < self.shape.columns && !self.shape.allow_short) {
            return Err(self.field_count());
        }
        let last = row + self.shape.stride() - 1;
        self.rows.positions[row + self.cursor.kept + 1..last].fill(end as u32);
        Ok(end)
    }

    fn field_count(&self) -> Halt {
        Halt::End(End::Bad(Bad::FieldCount { found: self.cursor.seen as usize + 1 }))
    }

    /// Remembers where the current record is.
    fn store(&mut self, end: usize) -> Result<(), Halt> {
        self.check_length(end)?;
        let stride = self.shape.stride();
        let row = self.cursor.count * stride;
        self.rows.positions[row] = self.cursor.start as u32;
        self.rows.positions[row + stride - 1] = end as u32;
        self.cursor.count += 1;
        Ok(())
    }

    fn check_length(&self, end: usize) -> Result<(), Halt> {
        if end - self.cursor.start > self.shape.max_record_bytes {
            Err(Halt::End(End::Bad(Bad::TooLong)))
        } else {
            Ok(())
        }
    }

    fn start_next(&mut self, next: usize) -> Result<(), Halt> {
        self.cursor.start = next;
        self.cursor.seen = 0;
        self.cursor.kept = 0;
        if next >= self.limits.stop || self.cursor.count == self.limits.rows {
            return Err(Halt::End(End::Limit));
        }
        Ok(())
    }

    /// Passes over the comments at the current position.
    pub(super) fn skip_comments(&mut self) -> Result<(), Halt> {
        while self.shape.is_comment(&self.block[self.cursor.start..]) {
            let Some(newline) = memchr::memchr(b'\n', &self.block[self.cursor.start..]) else {
                if self.limits.at_eof {
                    self.cursor.start = self.block.len();
                }
                return Err(Halt::End(End::Block));
            };
            self.skipped_lines += 1;
            self.start_next(self.cursor.start + newline + 1)?;
        }
        Ok(())
    }

    /// Reads the current record by the machine.
    #[cold]
    pub(super) fn irregular(&mut self) -> Result<(), Halt> {
        (self.cursor.seen, self.cursor.kept) = (0, 0);
        let (shape, start) = (self.shape, self.cursor.start);
        let step = machine::run(self.block, start, self.limits.at_eof, &shape.grammar, |position| {
            if shape.kept[self.cursor.kept] == self.cursor.seen {
                self.cursor.kept += 1;
                let row = self.cursor.count * shape.stride();
                self.rows.positions[row + self.cursor.kept] = position as u32;
            }
            self.cursor.seen += 1;
        });
        match step {
            Step::Complete { end, next } => self.finish_other(end, next),
            Step::Incomplete { opened: Some(opened) } if self.limits.at_eof => {
                Err(Halt::End(End::Bad(Bad::UnterminatedQuote { opened })))
            }
            Step::Incomplete { .. } => Err(Halt::End(End::Block)),
            Step::TextAfterQuote { at } => Err(Halt::End(End::Bad(Bad::TextAfterQuote { at }))),
        }
    }

    /// At the end of the file the last line needs no newline.
    #[cold]
    pub(super) fn finish_block(&mut self) -> Result<(), Halt> {
        if self.limits.at_eof && self.cursor.start < self.block.len() { self.irregular() } else { Ok(()) }
    }
}
