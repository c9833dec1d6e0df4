//! Hadoop's messages, RPC frames, SASL state machines, token files and configuration: bytes in, bytes out, no IO.

pub mod messages;

pub use prost::Message;
