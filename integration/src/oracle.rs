//! The same question to bobbin and to engines that share nothing with it: DuckDB and pandas. Answers are rows of typed values;
//! they are compared as multisets, or in order where the question orders them completely.

mod answer;
mod compare;
mod engines;
mod ours;
mod printed;
mod script;
mod sheet;
mod table;

pub use answer::{Answer, Column, Kind, Value};
pub use compare::{Order, compare};
pub use engines::Oracle;
pub use ours::{Manner, Ours, Question};
pub use printed::Format;
pub use table::{Source, Table};
