//! A place in a record, and the steps that are made from it: over blanks, strings, whole values.

use super::scan::{Nesting, Scanner};

/// Moves through one record.
pub(crate) struct Cursor<'a> {
    /// The block; vectors may be loaded from beyond the record's end.
    bytes: &'a [u8],
    end: usize,
    at: usize,
    scanner: Scanner,
}

/// Bytes that are not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// Where in the block.
    pub at: usize,
    /// What was expected, or what is wrong.
    pub what: &'static str,
}

/// A string as it is written, without its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw<'a> {
    pub bytes: &'a [u8],
    pub has_escapes: bool,
}

/// Bytes that are often looked for: compared as one number where they are few.
pub(crate) struct Wanted {
    text: Vec<u8>,
    head: u128,
    mask: u128,
}

impl Wanted {
    pub(crate) fn new(text: Vec<u8>) -> Self {
        let mut head = [0; 16];
        let len = text.len().min(16);
        head[..len].copy_from_slice(&text[..len]);
        Wanted { text, head: u128::from_le_bytes(head), mask: u128::MAX.unbounded_shr(128 - 8 * len as u32) }
    }
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8], scanner: Scanner) -> Self {
        Cursor { bytes, end: 0, at: 0, scanner }
    }

    /// Goes to a record.
    pub(crate) fn go(&mut self, start: usize, end: usize) {
        (self.at, self.end) = (start, end);
    }

    /// Goes back to a place that was passed.
    pub(crate) fn back(&mut self, at: usize) {
        self.at = at.min(self.at);
    }

    /// Leaves blanks at the record's end out.
    pub(crate) fn trim(&mut self) {
        while self.end > self.at && matches!(self.bytes[self.end - 1], b' ' | b'\t' | b'\r' | b'\n') {
            self.end -= 1;
        }
    }

    pub(crate) fn ends_with(&self, byte: u8) -> bool {
        self.end > self.at && self.bytes[self.end - 1] == byte
    }

    pub(crate) fn end(&self) -> usize {
        self.end
    }

    /// From here to the record's end.
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..self.end]
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The next byte; NUL, which no valid JSON holds, at the record's end.
    #[inline(always)]
    pub(crate) fn peek(&self) -> u8 {
        if self.at < self.end { self.bytes[self.at] } else { 0 }
    }

    #[inline(always)]
    pub(crate) fn step(&mut self) {
        self.at += 1;
    }

    #[inline(always)]
    pub(crate) fn skip_blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\r' | b'\n') {
            self.at += 1;
        }
    }

    /// Passes `wanted` if it is next.
    #[inline(always)]
    pub(crate) fn pass(&mut self, wanted: &Wanted) -> bool {
        let tail = self.tail();
        let len = wanted.text.len();
        let is_next = match tail.first_chunk::<16>() {
            Some(head) if u128::from_le_bytes(*head) & wanted.mask != wanted.head => false,
            Some(_) if len <= 16 => true,
            Some(_) | None => tail.starts_with(&wanted.text),
        };
        let is_next = is_next && self.at + len <= self.end;
        if is_next {
            self.at += len;
        }
        is_next
    }

    /// From here to the record's end, and beyond.
    #[inline(always)]
    pub(crate) fn tail(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// The bytes from `start` to here.
    #[inline(always)]
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        &self.bytes[start..self.at]
    }

    pub(crate) fn malformed_end<T>(&self, what: &'static str) -> Result<T, Malformed> {
        Err(Malformed { at: self.end, what })
    }

    pub(crate) fn malformed<T>(&self, what: &'static str) -> Result<T, Malformed> {
        Err(Malformed { at: self.at.min(self.end), what })
    }

    /// Passes the colon behind a key and the blanks around it.
    #[inline(always)]
    pub(crate) fn colon(&mut self) -> Result<(), Malformed> {
        self.skip_blanks();
        if self.peek() != b':' {
            return self.malformed("':' is expected behind a key");
        }
        self.step();
        self.skip_blanks();
        Ok(())
    }

    /// Passes the comma behind a member or an element; false at `close`, which is passed too.
    #[inline(always)]
    pub(crate) fn comma_or(&mut self, close: u8) -> Result<bool, Malformed> {
        self.skip_blanks();
        let byte = self.peek();
        if byte != b',' && byte != close {
            return self.malformed("',' or the end of the object or array is expected");
        }
        self.step();
        self.skip_blanks();
        Ok(byte == b',')
    }

    /// Passes the string whose opening quote is next.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Result<Raw<'a>, Malformed> {
        let start = self.at + 1;
        let found = match short_string(self.bytes, start) {
            Some(len) if start + len < self.end => Some((start + len, false)),
            _ => self.scanner.string_end(self.bytes, start, self.end),
        };
        let Some((end, has_escapes)) = found else {
            return self.malformed("a string does not end");
        };
        self.at = end + 1;
        Ok(Raw { bytes: &self.bytes[start..end], has_escapes })
    }

    /// Passes the key that is next.
    #[inline(always)]
    pub(crate) fn key(&mut self) -> Result<Raw<'a>, Malformed> {
        if self.peek() != b'"' {
            return self.malformed("a key in double quotes is expected");
        }
        self.string()
    }

    /// Passes a value, whatever it is; of objects and arrays only the end is looked for.
    #[inline]
    pub(crate) fn skip_value(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            b'"' => self.string().map(drop),
            b'{' => {
                self.step();
                self.skip_rest(Nesting::OBJECT)
            }
            b'[' => {
                self.step();
                self.skip_rest(Nesting::ARRAY)
            }
            _ => self.scalar().map(drop),
        }
    }

    /// Passes the rest of the object or array that this place is in.
    pub(crate) fn skip_rest(&mut self, nesting: Nesting) -> Result<(), Malformed> {
        match self.scanner.container_end(self.bytes, self.at, self.end, nesting) {
            Some(end) => {
                self.at = end + 1;
                Ok(())
            }
            None => self.malformed("an object or array does not end"),
        }
    }

    /// Passes a number, `true`, `false`, `null`, or anything else up to a delimiter.
    #[inline]
    pub(crate) fn scalar(&mut self) -> Result<&'a [u8], Malformed> {
        let start = self.at;
        while self.at < self.end && !is_delimiter(self.bytes[self.at]) {
            self.at += 1;
        }
        if self.at == start { self.malformed("a value is expected") } else { Ok(self.since(start)) }
    }
}

#[inline(always)]
fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b',' | b'}' | b']' | b':' | b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'{' | b'[')
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Length of a string of fewer than 24 bytes without a backslash, by words of eight bytes.
#[inline(always)]
fn short_string(bytes: &[u8], start: usize) -> Option<usize> {
    let head = bytes.get(start..)?.first_chunk::<24>()?;
    for index in 0..3 {
        let word = u64::from_le_bytes(*head[8 * index..].first_chunk::<8>()?);
        let quotes = zero_bytes(word ^ (ONES * u64::from(b'"')));
        let backslashes = zero_bytes(word ^ (ONES * u64::from(b'\\')));
        if quotes | backslashes != 0 {
            let at = (quotes | backslashes).trailing_zeros();
            return (quotes >> at & 1 == 1).then_some(8 * index + at as usize / 8);
        }
    }
    None
}

/// The high bit of each zero byte up to the first; of later bytes perhaps.
#[inline(always)]
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}
