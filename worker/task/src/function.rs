//! Functions that are tasks: how they are named, found and called.
//!
//! ```text
//!  program        #[bobbin::task] fn f(a: A, b: B) -> R ──▶ unit struct f: Function, and a Registered in the executable
//!  driver         f, arguments ──▶ wire::Function + wire::Call
//!  worker         Functions: find, fetch inputs, read ranges, decode, call, encode
//! ```

mod bytes;
mod call;
pub(crate) mod method;
mod panics;
mod range;
pub(crate) mod registry;
mod run;
mod value;

pub use bytes::Bytes;
pub(crate) use call::{Outcome, call};
pub use method::{Method, MethodError, Methods, State};
pub use run::Functions;
pub(crate) use run::chain;
pub use value::{Value, ValueError};

/// A function that workers can call by its name. Implemented by what `#[bobbin::task]` makes of a function.
pub trait Function: Copy + Send + Sync + 'static {
    /// The types of its parameters, as a tuple.
    type Args;
    /// The type of its result; of `Result<T, E>` the `T`.
    type Output: Value;
    /// Its path in the program, unless the attribute says otherwise.
    const NAME: &'static str;
    /// What the attribute says; 0 if it says nothing. Another version is another function.
    const VERSION: u32;
    /// Whether equal arguments give equal results, so that equal calls are made once.
    const PURE: bool;

    /// The types of its parameters and of its result, for people and for comparing.
    fn signature() -> String;
}
