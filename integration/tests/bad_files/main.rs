//! Files that are wrong, odd or too large, read by the executable without a cluster: each command ends soon, with the right
//! exit code and a message that names the file, the reason and the way out, and leaves nothing behind.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod changing;
mod desk;
mod json;
mod memory;
mod records;
mod texts;
