//! What a worker gives to a task and what the task gives back; and functions that are tasks.
//!
//! A worker knows [`Execute`] alone: the query engine is one, [`function::Functions`] another. Functions are those that a
//! program has marked with `#[bobbin::task]`; the worker is the same program.

mod execute;
pub mod function;
pub mod process;
pub mod profile;
mod running;
mod sys;
mod task;

pub use execute::{Execute, NoPlans};
pub use running::{Cancelled, Pause, Pauses, Running, checkpoint, is_cancelled, running};
pub use task::{
    CancelFlag, InputError, Inputs, Isolation, LostInput, Output, Piece, Ready, Task, TaskError, TaskErrorKind,
    TaskReport,
};

/// What the expansion of `#[bobbin::task]` uses; no part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use bytes::Bytes as RawBytes;
    pub use inventory;

    pub use crate::function::method::{RegisteredMethod, load, state_of};
    pub use crate::function::registry::{
        CallFailure, CallFuture, Parameters, Registered, Told, ToldAsDisplayed, ToldByCauses, finished, signature,
    };
}
