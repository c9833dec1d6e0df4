//! The application master: the shell round `bobbin-core`. It talks to YARN, to workers and to drivers, serves the web
//! pages, and sees plans and task bodies as opaque bytes.

mod child;
mod environment;
pub mod spec;
