//! The attributes of programs that are driver and workers at once.
//!
//! `#[bobbin::task]` makes a function one that workers can call by its name; `#[bobbin::main]` makes `main` the driver where
//! the program is started by hand, and the worker where YARN starts it in a container.

mod entry;
mod method;
mod task;

use proc_macro::TokenStream;

/// Makes a function a task: `session.submit(f, (a, b))` calls it on a worker, `f(a, b)` still here.
///
/// Parameters and the result are owned values that `serde` can write and read (or `bobbin::Bytes`); a function that returns a
/// `Result` fails the task with its error. An `async` function is awaited on the worker.
///
/// The task's name stands for a value of its own, so variables in its scope need other names.
///
/// * `name = "…"`: what the function is called on the wire, instead of its path.
/// * `version = 2`: another version is another function; results of the old one are not taken for those of the new one.
/// * `pure = false`: equal calls are made again each time, instead of having one result.
#[proc_macro_attribute]
pub fn task(arguments: TokenStream, function: TokenStream) -> TokenStream {
    task::expand(arguments.into(), function.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a function a method of an actor: its first parameter is the actor's state, `&mut State` or `&State`, and
/// `actor.call(f, (a, b))` calls it where this state is. `f(&mut state, a, b)` calls it still here.
///
/// The other parameters and the result are as those of tasks, and so are the options `name` and `version`.
#[proc_macro_attribute]
pub fn method(arguments: TokenStream, function: TokenStream) -> TokenStream {
    method::expand(arguments.into(), function.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes an `async fn main` the program's entry, as driver and as worker. It may return nothing, an `ExitCode`, or a `Result`
/// of these. An error is printed with its causes on one line, and the exit code is 1 then. It is an error of Rust's standard
/// library, such as `Box<dyn Error + Send + Sync>`, or whatever can be displayed: with `{:#}`, for which types of their own (as
/// `anyhow::Error`) give their causes, too.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, function: TokenStream) -> TokenStream {
    entry::expand(arguments.into(), function.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
