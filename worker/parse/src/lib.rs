//! CSV kernels: bytes of a file to Arrow arrays. No IO: [`SplitDecoder`] says which bytes it wants next and is fed
//! them, so that the same code reads local files, mapped blocks and sockets, and every test can cut the bytes at will.
//!
//! A record belongs to the split that holds its first byte. Structure (separators, newlines, quotes) is found 64 bytes
//! at a time, only the projected columns' fields are located, and each column is converted in a loop of its own.

mod batches;
mod columns;
mod decoder;
mod error;
mod fields;
mod infer;
mod machine;
mod options;
mod shape;
mod split;
mod tokenizer;
mod words;
#[cfg(target_arch = "x86_64")]
mod words_x86;

pub use decoder::SplitDecoder;
pub use error::{CsvError, CsvReason, Line};
pub use infer::{InferError, Inferred, infer};
pub use options::{CsvOptions, OptionsError};
pub use split::{Borders, SplitRange};
