//! Checks every byte of a record: JSON's grammar, UTF-8, that no object has a key twice, depth.

use std::borrow::Cow;

use super::cursor::{Cursor, Malformed, Raw};
use super::number::{Form, form};
use super::options::JsonOptions;
use super::reader::Fault;
use super::text::shown;
use crate::Reason;

/// What is allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    max_depth: usize,
    allow_nan: bool,
    lossy: bool,
    /// Duplicate keys, depth, UTF-8, control characters and how numbers are written do not matter.
    tolerant: bool,
}

impl Limits {
    pub(crate) fn new(options: &JsonOptions) -> Self {
        Limits { max_depth: options.max_depth, allow_nan: options.allow_nan, lossy: options.lossy, tolerant: false }
    }

    /// What any record must be like to say something about its file.
    pub(crate) fn of_samples(options: &JsonOptions) -> Self {
        Limits { tolerant: !options.strict, ..Limits::new(options) }
    }
}

/// Up to so many keys are compared with each other, more are sorted.
const FEW: usize = 16;

/// A check on its way.
struct Check<'c, 'a> {
    cursor: &'c mut Cursor<'a>,
    limits: Limits,
    /// What is open: for objects where their keys begin in `keys`.
    open: Vec<Option<usize>>,
    keys: Vec<Cow<'a, [u8]>>,
}

/// Checks the rest of the record, which is one value; the cursor stays where it is.
pub(crate) fn check(cursor: &mut Cursor<'_>, limits: Limits) -> Result<(), Fault> {
    let start = cursor.at();
    if !limits.lossy
        && !limits.tolerant
        && let Err(error) = std::str::from_utf8(cursor.rest())
    {
        let bad = &cursor.rest()[error.valid_up_to()..];
        return Err(Fault::Record(Box::new(Reason::NotUtf8 { value: shown(&bad[..bad.len().min(16)]) })));
    }
    let mut check = Check { cursor, limits, open: Vec::new(), keys: Vec::new() };
    check.values()?;
    check.cursor.skip_blanks();
    if check.cursor.at() != check.cursor.end() {
        return Ok(check.cursor.malformed("nothing is expected behind the object")?);
    }
    cursor.back(start);
    Ok(())
}

impl Check<'_, '_> {
    /// Passes values until nothing is open.
    fn values(&mut self) -> Result<(), Fault> {
        loop {
            let is_open = self.value()?;
            if is_open {
                continue;
            }
            loop {
                let Some(level) = self.open.last().copied() else { return Ok(()) };
                let close = if level.is_some() { b'}' } else { b']' };
                if self.cursor.comma_or(close)? {
                    break;
                }
                self.close()?;
            }
            self.member()?;
        }
    }

    /// Passes a value, or the opening of one that is not empty; true then.
    fn value(&mut self) -> Result<bool, Fault> {
        match self.cursor.peek() {
            b'"' => {
                let raw = self.cursor.string()?;
                self.string(raw)?;
                Ok(false)
            }
            b'{' => self.open_container(b'}', Some(self.keys.len())),
            b'[' => self.open_container(b']', None),
            _ => {
                let at = self.cursor.at();
                let text = self.cursor.scalar()?;
                if self.is_scalar(text) {
                    return Ok(false);
                }
                Err(Fault::Malformed(Malformed { at, what: "a value is expected" }))
            }
        }
    }

    fn is_scalar(&self, text: &[u8]) -> bool {
        match text {
            b"null" | b"true" | b"false" => true,
            b"NaN" | b"Infinity" | b"-Infinity" => self.limits.allow_nan,
            text if self.limits.tolerant && text[0].is_ascii_digit() => true,
            text => form(text) != Form::Bad,
        }
    }

    fn open_container(&mut self, close: u8, level: Option<usize>) -> Result<bool, Fault> {
        self.cursor.step();
        if self.open.len() == self.limits.max_depth && !self.limits.tolerant {
            return Err(Fault::Record(Box::new(Reason::TooDeep { limit: self.limits.max_depth })));
        }
        self.cursor.skip_blanks();
        if self.cursor.peek() == close {
            self.cursor.step();
            return Ok(false);
        }
        self.open.push(level);
        self.member()?;
        Ok(true)
    }

    /// Passes the key of the next member, if an object is open.
    fn member(&mut self) -> Result<(), Fault> {
        if let Some(Some(_)) = self.open.last() {
            let raw = self.cursor.key()?;
            self.string(raw)?;
            // A key of no meaning is told apart by how it is written.
            self.keys.push(raw.key().unwrap_or(Cow::Borrowed(raw.bytes)));
            self.cursor.colon()?;
        }
        Ok(())
    }

    /// Closes what was opened last; its keys must differ.
    fn close(&mut self) -> Result<(), Fault> {
        let Some(Some(first)) = self.open.pop() else { return Ok(()) };
        if self.limits.tolerant {
            return Ok(());
        }
        let keys = &mut self.keys[first..];
        let twice = if keys.len() <= FEW {
            let mut traits = 0;
            (0..keys.len()).find(|at| {
                let seen = traits;
                traits |= trait_bit(&keys[*at]);
                seen == traits && keys[..*at].contains(&keys[*at])
            })
        } else {
            keys.sort_unstable();
            (1..keys.len()).find(|at| keys[*at - 1] == keys[*at])
        };
        if let Some(at) = twice {
            return Err(Fault::Record(Box::new(Reason::DuplicateKey { key: shown(&keys[at]) })));
        }
        self.keys.truncate(first);
        Ok(())
    }

    /// Checks a string that was just passed.
    fn string(&self, raw: Raw<'_>) -> Result<(), Fault> {
        let start = self.cursor.at() - 1 - raw.bytes.len();
        let bad = |place: usize, what| Err(Fault::Malformed(Malformed { at: start + place, what }));
        if self.limits.tolerant {
            return Ok(());
        }
        // Without an early end, so that it is done by vectors.
        if raw.bytes.iter().fold(false, |found, byte| found | (*byte < b' ')) {
            let place = raw.bytes.iter().position(|byte| *byte < b' ').unwrap_or(0);
            return bad(place, "a control character in a string must be escaped");
        }
        let mut at = 0;
        while raw.has_escapes && at < raw.bytes.len() {
            let Some(backslash) = memchr::memchr(b'\\', &raw.bytes[at..]) else { break };
            let Some(len) = escape_len(&raw.bytes[at + backslash..]) else {
                return bad(at + backslash, "an unknown escape");
            };
            at += backslash + len;
        }
        Ok(())
    }
}

/// One bit of 64 that says something about a key: keys with different bits differ.
fn trait_bit(key: &[u8]) -> u64 {
    let (first, last) = (key.first().copied().unwrap_or(0), key.last().copied().unwrap_or(0));
    1 << ((7 * key.len() + 3 * usize::from(first) + usize::from(last)) % 64)
}

/// Length of the escape that `text` begins with.
fn escape_len(text: &[u8]) -> Option<usize> {
    match text.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => text.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}
