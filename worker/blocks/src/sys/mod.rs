//! The unsafe corner of this crate: mapped files, the signal that a vanished page raises, and the list of this host's
//! own addresses. Everything here has a safe face.
#![allow(unsafe_code, reason = "maps files, handles SIGBUS, walks the list of getifaddrs")]

mod bus;
mod interfaces;
mod mapping;

pub(crate) use interfaces::own_addresses;
pub(crate) use mapping::{MapError, Mapping};
