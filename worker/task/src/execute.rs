//! Who runs tasks.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, LocalBoxFuture};

use crate::task::{CancelFlag, Inputs, Output, Ready, Task, TaskError, TaskErrorKind, TaskReport};

/// Runs tasks of one kind; shared by all task threads of a worker.
pub trait Execute: Send + Sync {
    /// Runs one task to its end on the calling thread, whose runtime is its own: it may compute as long as it likes.
    fn run<'a>(
        &'a self,
        task: Task<'a>,
        inputs: Arc<dyn Inputs>,
        output: &'a mut dyn Output,
    ) -> LocalBoxFuture<'a, Result<TaskReport, TaskError>>;

    /// Reads what a task needs of files while it waits for a thread, as far as that is worth it: of the bytes that its task set
    /// shares, and of its own. Reading ends when the flag is raised. Whatever fails is left to [`run`](Execute::run), which is
    /// given what was read as [`Task::ready`]. `None` where nothing is read.
    fn read_ahead(&self, _shared: &Bytes, _body: &Bytes, _cancel: &CancelFlag) -> Option<BoxFuture<'static, Ready>> {
        None
    }
}

/// Stands for the query engine in a program that has none.
#[derive(Clone, Copy, Debug)]
pub struct NoPlans;

impl Execute for NoPlans {
    fn run<'a>(
        &'a self,
        _: Task<'a>,
        _: Arc<dyn Inputs>,
        _: &'a mut dyn Output,
    ) -> LocalBoxFuture<'a, Result<TaskReport, TaskError>> {
        let message =
            "this program was built without the feature `sql` of the crate `bobbin`, so its workers run no queries";
        let error = TaskError { kind: TaskErrorKind::Permanent, message: message.to_owned(), exit_code: 70 };
        async { Err(error) }.boxed_local()
    }
}
