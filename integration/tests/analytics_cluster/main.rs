//! Tables, scripts and outputs on the real cluster: each test is a user's story, and one process that reads the same bytes
//! says what the answer is.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod both;
mod changing;
mod copy;
mod copy_modes;
mod csv;
mod exchanges;
mod faults;
mod files;
mod json;
mod kept;
mod memory;
mod places;
mod script;
mod shell;
