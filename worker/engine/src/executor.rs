//! Runs tasks on a worker.

use std::path::PathBuf;
use std::sync::Arc;

use bobbin_blocks::BlockReader;

use crate::task::{Inputs, Output, Task, TaskError, TaskErrorKind, TaskReport};

/// Runs tasks; shared by all task threads of a worker.
pub struct Executor {
    reader: BlockReader,
    memory_bytes: usize,
    threads: usize,
    spill_directory: PathBuf,
}

impl Executor {
    /// An executor whose `threads` tasks share `memory_bytes` and spill to `spill_directory`.
    pub fn new(reader: BlockReader, memory_bytes: usize, threads: usize, spill_directory: PathBuf) -> Self {
        Self { reader, memory_bytes, threads, spill_directory }
    }

    /// Runs one task to its end on the calling runtime, which may have one thread only.
    pub async fn run(
        &self,
        _task: Task<'_>,
        _inputs: Arc<dyn Inputs>,
        _output: &mut dyn Output,
    ) -> Result<TaskReport, TaskError> {
        let _ = (&self.reader, self.memory_bytes, self.threads, &self.spill_directory);
        Err(TaskError {
            kind: TaskErrorKind::Permanent,
            message: "this build cannot run queries".into(),
            exit_code: 70,
        })
    }
}
