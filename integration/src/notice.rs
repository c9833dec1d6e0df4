//! Lines for the person who watches a run, past the capture of tests' output.

use std::io::{self, Write};

/// Writes one line to the standard error stream; tests that pass show it too.
pub(crate) fn notify(line: &str) {
    // There is nobody to tell when nobody can be told.
    let _ = writeln!(io::stderr(), "{line}");
}
