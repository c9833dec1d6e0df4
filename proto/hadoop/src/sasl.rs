//! SASL mechanisms, as state machines over their messages.

pub mod digest;
