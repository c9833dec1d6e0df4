//! Logs on standard output, each under a heading.

use std::io::{self, Write};

use hadoop_wire::aggregated_logs::Part;

/// Prints logs; knows how much of each is wanted.
#[derive(Clone, Debug)]
pub struct Printer {
    is_bare: bool,
    tail: Option<u64>,
}

/// A log, for its heading.
#[derive(Clone, Copy, Debug)]
pub struct Heading<'a> {
    /// Whose it is.
    pub container: &'a str,
    /// Where the container ran.
    pub node: &'a str,
    /// Name of the file.
    pub log: &'a str,
    /// Its whole length, bytes.
    pub size: u64,
}

impl Printer {
    /// A printer; a bare one prints no headings.
    pub fn new(is_bare: bool, tail: Option<u64>) -> Printer {
        Printer { is_bare, tail }
    }

    /// How much of each log is wanted.
    pub fn part(&self) -> Part {
        self.tail.map_or(Part::Whole, Part::Tail)
    }

    /// Prints what stands above a log.
    pub fn heading(&self, heading: Heading<'_>) -> io::Result<()> {
        if self.is_bare {
            return Ok(());
        }
        let mut line =
            format!("==> {} on {}: {}, {} bytes", heading.container, heading.node, heading.log, heading.size);
        if let Some(tail) = self.tail.filter(|tail| *tail < heading.size) {
            line.push_str(&format!(", the last {tail}"));
        }
        writeln!(io::stdout().lock(), "{line} <==")
    }

    /// Prints a piece of a log.
    pub fn piece(&self, bytes: &[u8]) -> io::Result<()> {
        io::stdout().lock().write_all(bytes)
    }

    /// Ends a log whose last byte was `last`: the next heading begins a line.
    pub fn end(&self, last: Option<u8>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if !self.is_bare && last.is_some_and(|last| last != b'\n') {
            writeln!(out)?;
        }
        out.flush()
    }
}
