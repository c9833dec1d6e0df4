//! The application master: the shell round `bobbin-core`. It talks to YARN, to workers and to drivers, serves the web
//! pages, and sees plans and task bodies as opaque bytes.

pub mod application;
mod child;
mod container;
mod environment;
pub mod launch;
pub mod server;
pub mod spec;
mod web;
mod yarn;
