//! Where records begin in splits that may start anywhere: inside quotes, behind an escape, in a comment.
//!
//! What a split's bytes do to the reader's state is a map from its state before them to its state behind them. Maps of
//! adjacent splits compose, so that each split can be looked at without knowing the others, and the file's start decides
//! them all. A record of more than [`crate::csv::CsvOptions::max_record_bytes`] is not cut off here; where one is,
//! decoders go on somewhere else than the maps say, and their [`crate::Borders`] differ.

mod class;
mod lead;
mod state;

use std::ops::Range;

use crate::csv::CsvOptions;
use crate::{Line, Reason, RecordError, SplitRange};
use class::Class;
use lead::LeadScan;
use state::{LINE, Rules};

/// Bytes after which states that have become equal are found to be; few at first, when there are many states.
const FIRST_STRIDE: usize = 256;
/// The same when there are few: what stays in the cache while each state passes over it.
const STRIDE: usize = 64 << 10;
/// Most bytes that are wanted at once.
const WINDOW: u64 = 8 << 20;

/// What a split makes of each state that its reader may be in at its start: the state at its end, and where the first
/// line begins that begins in the split (a line that is empty or a comment, too).
///
/// States are numbered as the options have it; maps go together only if they are of one file and of equal options. The
/// map of a file's first split is the same for all states, since there is no other start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateMap(pub Vec<(u8, Option<u64>)>);

impl StateMap {
    /// The map of both splits together; `next` is that of the split that follows. `None`: the maps do not go together.
    pub fn then(&self, next: &StateMap) -> Option<StateMap> {
        if self.0.len() != next.0.len() {
            return None;
        }
        let through = |&(state, first): &(u8, Option<u64>)| {
            let (end, later) = *next.0.get(usize::from(state))?;
            Some((end, first.or(later)))
        };
        self.0.iter().map(through).collect::<Option<Vec<_>>>().map(StateMap)
    }

    /// Where the first line begins in each of a file's splits, from all their maps in order: what
    /// [`crate::csv::CsvDecoder::starting_at`] wants to know. `None`: the maps do not go together.
    pub fn first_records(maps: &[StateMap]) -> Option<Vec<Option<u64>>> {
        let mut state = LINE;
        let mut firsts = Vec::with_capacity(maps.len());
        for map in maps {
            let (end, first) = *map.0.get(usize::from(state))?;
            firsts.push(first);
            state = end;
        }
        Some(firsts)
    }
}

/// Makes the [`StateMap`] of a split. Pure: the caller fetches the bytes that [`Self::wants`] names.
pub struct BorderScanner {
    rules: Rules,
    split: SplitRange,
    /// Offset of the next byte to be fed.
    offset: u64,
    /// What the file has before its first record, in its first split.
    lead: Option<LeadScan>,
    classes: Vec<Class>,
    /// First line for each state at the start.
    firsts: Vec<Option<u64>>,
    stride: usize,
}

impl BorderScanner {
    /// A scanner of the bytes of `split`. The options must pass [`CsvOptions::check`]. The first split of a file must be
    /// longer than a byte order mark.
    pub fn new(options: &CsvOptions, split: SplitRange) -> Self {
        let rules = Rules::new(options);
        let states = rules.states();
        let mut firsts = vec![None; usize::from(states)];
        let (classes, lead) = if split.start == 0 {
            firsts.fill(Some(0));
            (vec![Class { state: LINE, members: (0..states).collect() }], Some(LeadScan::new(options)))
        } else {
            firsts[usize::from(LINE)] = Some(split.start);
            ((0..states).map(|state| Class { state, members: vec![state] }).collect(), None)
        };
        BorderScanner { rules, split, offset: split.start, lead, classes, firsts, stride: FIRST_STRIDE }
    }

    /// The bytes to fetch next, or `None` when all of the split's have been fed. Fewer may be fed, from the same start.
    pub fn wants(&self) -> Option<Range<u64>> {
        let end = self.end();
        (self.offset < end).then(|| self.offset..self.offset.saturating_add(WINDOW).min(end))
    }

    /// Passes over `bytes`, which lie at `offset` of the file: where [`Self::wants`] starts.
    ///
    /// # Errors
    /// Other bytes are wanted.
    pub fn feed(&mut self, offset: u64, bytes: &[u8]) -> Result<(), RecordError> {
        if offset != self.offset {
            return Err(self.error(offset, Reason::OutOfOrder { wanted: self.offset, got: offset }));
        }
        let wanted = usize::try_from(self.end() - self.offset).unwrap_or(usize::MAX);
        let mut bytes = &bytes[..bytes.len().min(wanted)];
        if let Some(lead) = &mut self.lead {
            let taken = lead.pass(&self.rules, bytes);
            self.offset += taken as u64;
            bytes = &bytes[taken..];
            if lead.is_over() {
                self.classes[0].state = lead.state();
                self.lead = None;
            }
        }
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at(bytes.len().min(self.stride));
            self.pass(piece);
            bytes = rest;
            self.stride = STRIDE.min(4 * self.stride);
        }
        Ok(())
    }

    /// The file ends with the bytes that were fed last: for a split whose file's length nobody knows
    /// ([`SplitRange::UNKNOWN`], a compressed file).
    pub fn end_of_file(&mut self) {
        self.split.file_len = self.offset;
        // Behind a last newline no line begins.
        let (start, end) = (self.split.start, self.offset);
        for first in &mut self.firsts {
            *first = first.filter(|first| *first < end || *first == start);
        }
    }

    /// The map, when everything has been fed.
    ///
    /// # Errors
    /// A line of the file's lead begins behind its first split.
    pub fn finish(mut self) -> Result<StateMap, RecordError> {
        if let Some(lead) = &self.lead {
            if lead.has_more() && self.offset < self.split.file_len {
                return Err(self.error(0, Reason::NoHeader { end: self.split.end }));
            }
            self.classes[0].state = lead.state();
        }
        let mut map: Vec<_> = self.firsts.iter().map(|first| (LINE, *first)).collect();
        for class in &self.classes {
            class.members.iter().for_each(|member| map[usize::from(*member)].0 = class.state);
        }
        Ok(StateMap(map))
    }

    fn pass(&mut self, piece: &[u8]) {
        for class in &mut self.classes {
            let lacks_first = class.members.iter().any(|member| self.firsts[usize::from(*member)].is_none());
            let first = class.pass(&self.rules, piece, lacks_first);
            // A line that begins behind the piece begins in the next one, or in the next split.
            let Some(first) = first else { continue };
            let offset = self.offset + first as u64;
            if offset < self.split.end.min(self.split.file_len) {
                class.members.iter().for_each(|member| {
                    self.firsts[usize::from(*member)].get_or_insert(offset);
                });
            }
        }
        self.offset += piece.len() as u64;
        class::merge(&mut self.classes);
    }

    fn end(&self) -> u64 {
        self.split.end.min(self.split.file_len)
    }

    fn error(&self, offset: u64, reason: Reason) -> RecordError {
        let line = if self.split.start == 0 { Line::OfFile(1) } else { Line::OfSplit(1) };
        RecordError { offset, line, column: None, reason }
    }
}

#[cfg(test)]
mod tests;
