//! Queries from their text to their answer: planned, run task by task in one thread, compared with plain DataFusion.

mod borders;
mod differential;
mod faults;
mod plans;
mod support;
