//! Passes over what a file has before its first record, byte by byte: it is short.

use super::state::{DISCARD, LINE, Rules};
use crate::csv::CsvOptions;
use crate::csv::decoder::Lead;

const BYTE_ORDER_MARK: [u8; 3] = *b"\xef\xbb\xbf";

/// The file's start on its way to the first record.
pub(super) struct LeadScan {
    lead: Lead,
    /// The first bytes, as far as they may be a byte order mark; `None`: they have been decided on.
    mark: Option<usize>,
    state: u8,
    line: LeadLine,
    /// The record so far, or as much of it as says whether it is an empty line.
    record: Vec<u8>,
}

/// What the line is that was begun.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LeadLine {
    /// None was begun.
    None,
    Skipped,
    /// The header, unless it turns out to be empty or a comment.
    Header,
}

impl LeadScan {
    pub(super) fn new(options: &CsvOptions) -> Self {
        LeadScan { lead: Lead::new(options), mark: Some(0), state: LINE, line: LeadLine::None, record: Vec::new() }
    }

    /// Passes over as much of the lead as is in `bytes`; returns how many of them those are.
    pub(super) fn pass(&mut self, rules: &Rules, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while taken < bytes.len() && !self.is_over() {
            let byte = bytes[taken];
            if let Some(matched) = self.mark {
                if byte == BYTE_ORDER_MARK[matched] {
                    taken += 1;
                    self.mark = Some(matched + 1).filter(|matched| *matched < BYTE_ORDER_MARK.len());
                    continue;
                }
                self.mark = None;
                BYTE_ORDER_MARK[..matched].iter().for_each(|byte| self.pass_byte(rules, *byte));
                continue;
            }
            self.pass_byte(rules, byte);
            taken += 1;
        }
        taken
    }

    fn pass_byte(&mut self, rules: &Rules, byte: u8) {
        if self.line == LeadLine::None && !self.lead.is_over() {
            self.line = if self.lead.skips_line() { LeadLine::Skipped } else { LeadLine::Header };
            self.state = if self.line == LeadLine::Skipped { DISCARD } else { LINE };
            self.record.clear();
        }
        if self.record.len() < 2 {
            self.record.push(byte);
        }
        let is_comment = self.state == DISCARD;
        self.state = rules.step(self.state, byte);
        if self.state != LINE {
            return;
        }
        let is_blank = matches!(self.record.as_slice(), [b'\n'] | [b'\r', b'\n']);
        if self.line == LeadLine::Header && !is_comment && !is_blank {
            self.lead.has_header = false;
        }
        self.line = LeadLine::None;
    }

    /// What follows is records.
    pub(super) fn is_over(&self) -> bool {
        self.mark.is_none() && self.line == LeadLine::None && self.lead.is_over()
    }

    /// Some line of the lead was not even begun.
    pub(super) fn has_more(&self) -> bool {
        let header = usize::from(self.lead.has_header);
        let begun = usize::from(self.line == LeadLine::Header);
        self.lead.before + header + self.lead.after > begun
    }

    pub(super) fn state(&self) -> u8 {
        self.state
    }
}
