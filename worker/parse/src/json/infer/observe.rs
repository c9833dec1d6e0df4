//! Walks the records of a sample.

use super::guess::Guess;
use crate::json::cursor::Malformed;
use crate::json::options::{Format, JsonOptions};
use crate::json::reader::{Fault, Reader, Rules, Token};
use crate::json::records::{Group, Sink, Span};
use crate::json::rows::not_lines;
use crate::json::scan::Scanner;
use crate::json::strict;
use crate::{OnBad, Reason, RecordError};

/// Values nested deeper are text.
const DEEPEST: usize = 24;

/// Lets the guess of a file see its records.
pub(super) struct Observer<'o> {
    options: &'o JsonOptions,
    scanner: Scanner,
    /// The sample begins the file.
    pub is_head: bool,
    pub root: Guess,
    pub records: usize,
    pub bad: u64,
}

impl<'o> Observer<'o> {
    pub(super) fn new(options: &'o JsonOptions) -> Self {
        let (scanner, root) = (Scanner::detect(), Guess::default());
        Observer { options, scanner, is_head: false, root, records: 0, bad: 0 }
    }

    fn leave_out(&mut self, error: RecordError) -> Result<(), RecordError> {
        if self.options.on_bad == OnBad::Fail {
            return Err(error);
        }
        self.bad += 1;
        Ok(())
    }

    /// Why the records of the file are not one a line, if the first one looks so.
    fn not_lines(&self, record: &[u8]) -> Option<Reason> {
        let is_first = self.is_head && self.records == 0 && self.bad == 0 && self.options.format == Format::Lines;
        let found = not_lines(record).filter(|_| is_first)?;
        Some(Reason::NotLines { found })
    }

    /// Lets the guess see a record, which is checked as a whole before: half a record says nothing.
    fn see(&mut self, reader: &mut Reader<'_>, span: Span) -> Result<(), Fault> {
        reader.cursor.go(span.start, span.end);
        reader.cursor.trim();
        reader.cursor.skip_blanks();
        if reader.cursor.peek() != b'{' {
            return Ok(reader.cursor.malformed("'{' is expected")?);
        }
        let start = reader.cursor.at();
        // What the decoder tolerates is tolerated here.
        strict::check(&mut reader.cursor, strict::Limits::of_samples(self.options))?;
        reader.cursor.back(start);
        value(&mut self.root, reader, 0)
    }
}

impl Sink for Observer<'_> {
    fn records(&mut self, group: Group<'_>) -> Result<(), RecordError> {
        let mut reader = Reader::new(group.bytes, self.scanner, Rules::new(self.options));
        for (index, span) in group.spans.iter().enumerate() {
            let reason = match self.see(&mut reader, *span) {
                Ok(()) => {
                    self.records += 1;
                    continue;
                }
                Err(Fault::Malformed(Malformed { at, what })) => {
                    Reason::Malformed { at: group.offset + at as u64, what }
                }
                Err(Fault::Record(reason)) => *reason,
                Err(Fault::Value(bad)) => bad.reason,
            };
            let hint = self.not_lines(&group.bytes[span.start..span.end]);
            let is_hint = hint.is_some();
            let reason = hint.unwrap_or(reason);
            let error =
                RecordError { offset: group.offset_of(index), line: group.line_of(index), column: None, reason };
            if is_hint {
                return Err(error);
            }
            self.leave_out(error)?;
        }
        Ok(())
    }

    fn broken(&mut self, error: RecordError, head: &[u8]) -> Result<(), RecordError> {
        match self.not_lines(head) {
            Some(reason) => Err(RecordError { reason, ..error }),
            None => self.leave_out(error),
        }
    }
}

/// Lets `guess` see the value that is next, and passes it.
fn value(guess: &mut Guess, reader: &mut Reader<'_>, depth: usize) -> Result<(), Fault> {
    match reader.cursor.peek() {
        b'{' | b'[' if depth == DEEPEST => {
            reader.cursor.skip_value()?;
            guess.see_too_deep();
        }
        b'{' => object(guess, reader, depth)?,
        b'[' => list(guess, reader, depth)?,
        _ => match reader.token()? {
            Token::Null | Token::Container => {}
            Token::Boolean(_) => guess.see_boolean(),
            // What looks like a number and is none fits no type but text.
            Token::Number(text) => {
                if !guess.see_number(text) {
                    guess.see_string(text);
                }
            }
            Token::Special(_) => guess.see_special(),
            Token::String(raw) => guess.see_string(raw.bytes),
        },
    }
    Ok(())
}

fn object(guess: &mut Guess, reader: &mut Reader<'_>, depth: usize) -> Result<(), Fault> {
    guess.see_object();
    reader.cursor.step();
    reader.cursor.skip_blanks();
    if reader.cursor.peek() == b'}' {
        reader.cursor.step();
        return Ok(());
    }
    loop {
        let key = reader.cursor.key()?.key();
        reader.cursor.colon()?;
        let name = key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
        match name.and_then(|name| guess.member(name)) {
            Some(member) => value(member, reader, depth + 1)?,
            None => reader.cursor.skip_value()?,
        }
        if !reader.cursor.comma_or(b'}')? {
            return Ok(());
        }
    }
}

fn list(guess: &mut Guess, reader: &mut Reader<'_>, depth: usize) -> Result<(), Fault> {
    let element = guess.see_list();
    reader.cursor.step();
    reader.cursor.skip_blanks();
    if reader.cursor.peek() == b']' {
        reader.cursor.step();
        return Ok(());
    }
    loop {
        value(element, reader, depth + 1)?;
        if !reader.cursor.comma_or(b']')? {
            return Ok(());
        }
    }
}
