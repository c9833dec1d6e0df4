//! The same questions to bobbin, DuckDB and pandas, over generated files cut into many splits and few, on this machine and on
//! the real cluster. One row of a table is one question; nothing here knows how bobbin answers.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod check;
mod events;
mod odd;
mod random;
mod splits;
mod taxi;
mod tpch;
