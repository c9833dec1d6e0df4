//! Inputs from seeds: files that are nearly right, damaged at random, and what must hold for each. The same seed gives the
//! same input everywhere.
#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

mod csv;
mod json;
mod random;

/// What is fuzzed: a name, and what a seed stands for; it panics when something does not hold.
pub const TARGETS: [(&str, fn(u64)); 2] = [("csv", csv::check), ("json", json::check)];
