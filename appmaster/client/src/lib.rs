//! What a driver program links: sessions that run locally or on a YARN cluster.

pub mod yarn;
