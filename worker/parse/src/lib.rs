//! CSV kernels: bytes of a file to Arrow arrays. No IO: [`SplitDecoder`] says which bytes it wants next and is fed
//! them, so that the same code reads local files, mapped blocks and sockets, and every test can cut the bytes at will.
//!
//! A record belongs to the split that holds its first byte. Structure (separators, newlines, quotes) is found 64 bytes
//! at a time, only the projected columns' fields are located, and each column is converted in a loop of its own.

mod decoder;
mod error;
mod infer;
mod options;
mod split;

pub use decoder::SplitDecoder;
pub use error::{CsvError, CsvReason, Line};
pub use infer::{InferError, Inferred, infer};
pub use options::{CsvOptions, OptionsError};
pub use split::{Borders, SplitRange};
