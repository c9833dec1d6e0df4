//! The application master: the shell round `bobbin-core`. It talks to YARN, to workers and to drivers, serves the web
//! pages, and sees plans and task bodies as opaque bytes.

pub mod application;
mod child;
mod command;
mod container;
mod environment;
pub mod launch;
mod master;
pub mod server;
pub mod spec;
mod staging;
mod unpacking;
mod web;
mod yarn;

pub use container::{Container, ContainerError, log_directory, take_credentials, text_secret};
pub use environment::Activation;
pub use master::{MasterError, run};
pub use unpacking::Unpack;

/// An error with all its causes, in one line.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
