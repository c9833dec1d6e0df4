//! Inputs from seeds: files that are nearly right, damaged at random, and what must hold for each. The same seed gives the
//! same input everywhere.
#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

mod csv;
mod json;
mod random;

/// Makes the file of a seed and reads it; panics when something does not hold.
pub type Check = fn(u64);

/// What is fuzzed, by name.
pub const TARGETS: [(&str, Check); 2] = [("csv", csv::check), ("json", json::check)];
