//! Hadoop's messages, RPC frames, SASL state machines, token files and configuration: bytes in, bytes out, no IO.

pub mod aggregated_logs;
pub mod config;
pub mod credentials;
pub mod datatransfer;
pub mod messages;
pub mod names;
pub mod rpc;
pub mod sasl;

pub use prost::Message;
