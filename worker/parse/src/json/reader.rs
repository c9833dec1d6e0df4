//! A record on its way into columns: the place in it, the rules, and what was wrong so far.

use std::mem;
use std::sync::Arc;

use super::cursor::{Cursor, Malformed, Raw};
use super::options::JsonOptions;
use super::scan::Scanner;
use super::text::{BadText, shown, unescape};
use crate::{OnBad, Reason};

/// What columns must know of the options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Values that cannot be read are NULL.
    pub bad_is_null: bool,
    pub coerce_strings: bool,
    pub allow_nan: bool,
    pub lossy: bool,
}

/// Reads the values of a record.
pub(crate) struct Reader<'a> {
    pub cursor: Cursor<'a>,
    pub rules: Rules,
    /// The first value that was made NULL because it cannot be read.
    pub forgiven: Option<Box<BadColumn>>,
    /// The meaning of the last string that had escapes.
    text: Vec<u8>,
}

/// Why a record cannot be read.
#[derive(Debug)]
pub(crate) enum Fault {
    Malformed(Malformed),
    Value(Box<BadColumn>),
    /// The record as a whole is not as it should be.
    Record(Box<Reason>),
}

/// A value that cannot be read.
#[derive(Debug)]
pub(crate) struct BadColumn {
    pub path: Arc<str>,
    pub reason: Reason,
}

/// Where a column is in the schema.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    /// Names of the columns down to this one: `payload.commits[].sha`; the values of a map are `name.*`.
    pub path: Arc<str>,
    pub nullable: bool,
}

/// A value as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Token<'a> {
    Null,
    Boolean(bool),
    /// Begins like a number.
    Number(&'a [u8]),
    /// `NaN`, `Infinity`, `-Infinity`, if allowed.
    Special(&'a [u8]),
    String(Raw<'a>),
    /// A whole object or array.
    Container,
}

impl Rules {
    pub(crate) fn new(options: &JsonOptions) -> Self {
        Rules {
            bad_is_null: options.on_bad == OnBad::Null,
            coerce_strings: options.coerce_strings,
            allow_nan: options.allow_nan,
            lossy: options.lossy,
        }
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], scanner: Scanner, rules: Rules) -> Self {
        Reader { cursor: Cursor::new(bytes, scanner), rules, forgiven: None, text: Vec::new() }
    }

    /// Passes the value that is next.
    #[inline]
    pub(crate) fn token(&mut self) -> Result<Token<'a>, Fault> {
        let start = self.cursor.at();
        match self.cursor.peek() {
            b'"' => Ok(Token::String(self.cursor.string()?)),
            b'{' | b'[' => {
                self.cursor.skip_value()?;
                Ok(Token::Container)
            }
            b'-' | b'0'..=b'9' => match self.cursor.scalar()? {
                text if text.get(1).is_none_or(|byte| *byte != b'I') => Ok(Token::Number(text)),
                b"-Infinity" if self.rules.allow_nan => Ok(Token::Special(b"-inf")),
                _ => Err(not_a_value(start)),
            },
            _ => match self.cursor.scalar()? {
                b"null" => Ok(Token::Null),
                b"true" => Ok(Token::Boolean(true)),
                b"false" => Ok(Token::Boolean(false)),
                b"NaN" if self.rules.allow_nan => Ok(Token::Special(b"nan")),
                b"Infinity" if self.rules.allow_nan => Ok(Token::Special(b"inf")),
                _ => Err(not_a_value(start)),
            },
        }
    }

    /// The meaning of a string; `None` if it has none and is NULL now. Give it back, so that its room is used again.
    #[inline]
    pub(crate) fn meaning(&mut self, raw: &[u8], spot: &Spot) -> Result<Option<Vec<u8>>, Fault> {
        let mut text = mem::take(&mut self.text);
        text.clear();
        match unescape(raw, self.rules.lossy, &mut text) {
            Ok(()) => Ok(Some(text)),
            Err(BadText::LoneSurrogate) => {
                self.forgive(spot, Reason::LoneSurrogate { value: shown(raw) })?;
                Ok(None)
            }
            Err(BadText::UnknownEscape(place)) => {
                let at = self.cursor.at() - 1 - raw.len() + place;
                Err(Fault::Malformed(Malformed { at, what: "an unknown escape" }))
            }
        }
    }

    pub(crate) fn give_back(&mut self, text: Vec<u8>) {
        self.text = text;
    }

    /// The value since `start` is not one of the column's type: it is NULL now, if that is the rule.
    #[cold]
    pub(crate) fn bad_value(&mut self, spot: &Spot, start: usize, sql_type: &'static str) -> Result<(), Fault> {
        let value = shown(self.cursor.since(start));
        self.forgive(spot, Reason::BadJsonValue { value, sql_type })
    }

    /// Makes a bad value NULL, if that is the rule.
    #[cold]
    pub(crate) fn forgive(&mut self, spot: &Spot, reason: Reason) -> Result<(), Fault> {
        let bad = Box::new(BadColumn { path: Arc::clone(&spot.path), reason });
        if !self.rules.bad_is_null || !spot.nullable {
            return Err(Fault::Value(bad));
        }
        self.forgiven.get_or_insert(bad);
        Ok(())
    }
}

impl Spot {
    /// NULL, if the column allows it.
    #[inline]
    pub(crate) fn null(&self) -> Result<(), Fault> {
        if self.nullable { Ok(()) } else { Err(self.forbidden()) }
    }

    #[cold]
    fn forbidden(&self) -> Fault {
        Fault::Value(Box::new(BadColumn { path: Arc::clone(&self.path), reason: Reason::UnexpectedNull }))
    }
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Self {
        Fault::Malformed(malformed)
    }
}

fn not_a_value(at: usize) -> Fault {
    Fault::Malformed(Malformed { at, what: "a value is expected" })
}
