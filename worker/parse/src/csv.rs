//! CSV: structure by masks of 64 bytes, fields located only where a column is wanted, one loop a column.

mod batches;
mod columns;
mod decoder;
mod fields;
mod infer;
mod machine;
mod options;
mod shape;
mod tokenizer;

pub use decoder::CsvDecoder;
pub use infer::{InferError, Inferred, infer};
pub use options::{CsvOptions, OptionsError};
