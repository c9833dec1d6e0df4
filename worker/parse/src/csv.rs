//! CSV: structure by masks of 64 bytes, fields located only where a column is wanted, one loop a column.

mod batches;
mod border;
mod columns;
mod decoder;
mod encoding;
mod faults;
mod fields;
mod infer;
mod judge;
mod machine;
mod options;
mod repair;
mod shape;
mod tokenizer;
mod unquote;

pub use crate::values::FormatError;
pub use border::{BorderScanner, StateMap};
pub use decoder::CsvDecoder;
pub use encoding::Encoding;
pub use infer::{InferError, Inferred, infer};
pub use options::{ColumnOptions, CsvOptions, OptionsError, pandas_null_tokens};
