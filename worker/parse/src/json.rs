//! JSON: one object a line or one array of objects, read in one pass that follows only the wanted paths.

mod array;
mod columns;
mod cursor;
mod decoder;
mod get;
mod infer;
mod lines;
mod number;
mod options;
mod prune;
mod reader;
mod records;
mod rejects;
mod rows;
mod scan;
mod strict;
mod table;
mod text;

pub use decoder::JsonDecoder;
pub use get::{Step, get, text_of};
pub use infer::{InferError, Inferred, Rule, Sample, infer};
pub use options::{Format, JsonOptions, OptionsError};
pub use prune::{NoSuchPath, prune};
