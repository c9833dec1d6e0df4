//! CSV and JSON kernels: bytes of a file to Arrow arrays. No IO: a [`Decoder`] says which bytes it wants next and is fed
//! them, so that the same code reads local files, mapped blocks and sockets, and every test can cut the bytes at will.
//!
//! A record belongs to the split that holds its first byte. Structure (separators, newlines, quotes, brackets) is found
//! 64 bytes at a time, only the projected columns' fields are located, and each column is converted in a loop of its own.

mod bad;
pub mod csv;
mod decoder;
mod error;
pub mod json;
mod split;
mod utf16;
mod values;
mod views;
mod words;
#[cfg(target_arch = "x86_64")]
mod words_x86;

pub use bad::{BadRecords, OnBad, rejects_schema};
pub use decoder::{Decoder, Extra, RowFilter, Wanted, Yield};
pub use error::{Line, Reason, RecordError};
pub use split::{Borders, SplitRange};
pub use utf16::is_utf16;
