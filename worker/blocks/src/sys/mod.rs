//! The unsafe corner of this crate: mapped files, the signal that a vanished page raises, the list of this host's own
//! addresses, and the processor's checksum instruction. Everything here has a safe face.
#![allow(unsafe_code, reason = "maps files, handles SIGBUS, walks the list of getifaddrs, calls SSE4.2 code")]

mod bus;
mod crc32c;
mod interfaces;
mod mapping;

pub(crate) use crc32c::crc32c_of_chunks;
pub(crate) use interfaces::own_addresses;
pub(crate) use mapping::{MapError, Mapping};
