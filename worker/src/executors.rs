//! Who runs which kind of task.

use std::sync::Arc;

use bobbin_proto as wire;
use bobbin_task::function::Methods;
use bobbin_task::{Execute, Isolation, TaskError, TaskErrorKind};

/// What runs tasks, by their kinds. Cheap to clone.
#[derive(Clone)]
pub struct Executors {
    /// Plans of the query engine.
    pub plans: Arc<dyn Execute>,
    /// Calls of registered functions.
    pub functions: Arc<dyn Execute>,
    /// Methods of actors, which are no tasks: peers and drivers call them.
    pub methods: Arc<Methods>,
    /// Where functions run whose callers do not say it.
    pub isolation: Isolation,
}

impl Executors {
    /// The one for this kind.
    ///
    /// # Errors
    /// A kind that this build does not know.
    pub(crate) fn of(&self, kind: i32) -> Result<&dyn Execute, TaskError> {
        match wire::TaskKind::try_from(kind) {
            Ok(wire::TaskKind::Plan) => Ok(self.plans.as_ref()),
            Ok(wire::TaskKind::Function) => Ok(self.functions.as_ref()),
            Err(_) => {
                let message = format!(
                    "this worker does not know tasks of kind {kind}: driver and workers must be the same build"
                );
                Err(TaskError { kind: TaskErrorKind::Permanent, message, exit_code: 70 })
            }
        }
    }
}
