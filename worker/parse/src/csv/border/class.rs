//! States at a split's start that have become one: they go on together.

use super::state::{DISCARD, LINE, PLAIN, QUOTED, Rules, START};

/// States at the start that have led to the same state.
#[derive(Debug)]
pub(super) struct Class {
    pub state: u8,
    pub members: Vec<u8>,
}

impl Class {
    /// Passes over `bytes`, by bytes that matter only; with `seeks_line`, returns behind which of them the first line
    /// begins.
    pub(super) fn pass(&mut self, rules: &Rules, bytes: &[u8], seeks_line: bool) -> Option<usize> {
        let mut at = 0;
        let mut first = None;
        while at < bytes.len() {
            match self.state {
                QUOTED => at = self.pass_quoted(rules, bytes, at),
                DISCARD => at = self.pass_line(bytes, at),
                START | PLAIN if !seeks_line || first.is_some() => at = self.pass_fields(rules, bytes, at),
                _ => {
                    self.state = rules.step(self.state, bytes[at]);
                    at += 1;
                }
            }
            if self.state == LINE && first.is_none() {
                first = Some(at);
            }
        }
        first
    }

    /// To the next quote or escape, and over it.
    fn pass_quoted(&mut self, rules: &Rules, bytes: &[u8], at: usize) -> usize {
        match next_mark(rules, &bytes[at..]) {
            Some(mark) => {
                self.state = rules.step(QUOTED, bytes[at + mark]);
                at + mark + 1
            }
            None => bytes.len(),
        }
    }

    /// Over the next newline.
    fn pass_line(&mut self, bytes: &[u8], at: usize) -> usize {
        match memchr::memchr(b'\n', &bytes[at..]) {
            Some(newline) => {
                self.state = LINE;
                at + newline + 1
            }
            None => bytes.len(),
        }
    }

    /// To the next quote or escape outside quotes; what it means follows from the bytes right before it.
    fn pass_fields(&mut self, rules: &Rules, bytes: &[u8], at: usize) -> usize {
        let mark = next_mark(rules, &bytes[at..]).map_or(bytes.len(), |mark| at + mark);
        if mark == at {
            self.state = rules.step(self.state, bytes[at]);
            return at + 1;
        }
        let passed = &bytes[at..mark];
        // Where a line may be a comment, its start decides.
        let line = if rules.comment.is_empty() { None } else { memchr::memrchr(b'\n', passed) };
        if let Some(newline) = line {
            let line = at + newline + 1;
            let prefix_end = mark.min(line + rules.comment.len());
            self.state = bytes[line..prefix_end].iter().fold(LINE, |state, byte| rules.step(state, *byte));
            if self.state == DISCARD || prefix_end == mark {
                return mark;
            }
        }
        self.state = self.behind(rules, passed);
        mark
    }

    /// The state behind `passed`, which has neither quotes nor escapes and does not end in a comment.
    fn behind(&self, rules: &Rules, passed: &[u8]) -> u8 {
        match passed.iter().rposition(|byte| !rules.grammar.is_skipped(*byte)) {
            Some(last) => {
                let state = rules.step(PLAIN, passed[last]);
                passed[last + 1..].iter().fold(state, |state, byte| rules.step(state, *byte))
            }
            None => self.state,
        }
    }
}

/// Where the next quote or escape is.
fn next_mark(rules: &Rules, bytes: &[u8]) -> Option<usize> {
    match (rules.grammar.marks.quote, rules.grammar.escape) {
        (Some(quote), Some(escape)) => memchr::memchr2(quote, escape, bytes),
        (Some(byte), None) | (None, Some(byte)) => memchr::memchr(byte, bytes),
        (None, None) => None,
    }
}

/// Joins classes of the same state.
pub(super) fn merge(classes: &mut Vec<Class>) {
    let mut merged: Vec<Class> = Vec::with_capacity(classes.len());
    for mut class in classes.drain(..) {
        match merged.iter_mut().find(|other| other.state == class.state) {
            Some(other) => other.members.append(&mut class.members),
            None => merged.push(class),
        }
    }
    *classes = merged;
}
