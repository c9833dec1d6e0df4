//! The call of a function itself, on the thread and in the process where it is to run.

use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use futures::FutureExt;

use super::panics::Watch;
use super::registry::{ArgumentBytes, CallFailure, Parameters, Registered};
use crate::profile;
use crate::running::{Here, Running};

/// How it went.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Its result.
    Result(Bytes),
    /// It has none.
    Failed(CallFailure),
    /// It panicked.
    Panicked { what: String, backtrace: String },
}

/// Calls it. A panic in it is its failure, never the caller's.
pub(crate) async fn call(function: &'static Registered, arguments: Vec<ArgumentBytes>, running: Running) -> Outcome {
    let _here = Here::runs(running);
    let watch = Watch::begin();
    let call =
        AssertUnwindSafe(async { profile::under(&function.name, (function.call)(Parameters::new(arguments))).await });
    match call.catch_unwind().await {
        Ok(Ok(result)) => Outcome::Result(result),
        Ok(Err(failure)) => Outcome::Failed(failure),
        Err(panic) => {
            let (what, backtrace) = watch.describe(&*panic);
            Outcome::Panicked { what, backtrace }
        }
    }
}
