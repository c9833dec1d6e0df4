//! Queries from their text to their answer: planned, run task by task in one thread, compared with plain DataFusion.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod borders;
mod differential;
mod exchanges;
mod faults;
mod frames;
mod json;
mod orders;
mod plans;
mod reading;
mod support;
mod tables;
