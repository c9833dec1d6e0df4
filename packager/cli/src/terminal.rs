//! Who reads what we print.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// Columns of the terminal on standard output, if it is one.
pub fn width() -> Option<u16> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let asked = rustix::termios::tcgetwinsize(&stdout).ok().map(|size| size.ws_col);
    asked.filter(|columns| *columns > 0).or(columns)
}

/// Whether a person watches standard error.
pub fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Prints a line on standard output. A reader that has gone is no error: there is nobody left to tell.
pub fn say(line: impl Display) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// Prints a line on standard error.
pub fn note(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
