//! What runs tasks in a worker of this program.

use std::path::PathBuf;
use std::sync::Arc;

use bobbin_blocks::BlockReader;
use bobbin_task::function::Functions;
use bobbin_worker::Executors;

/// Plans have `memory_bytes` for all of so many threads, and spill to this directory. A program without the query engine runs
/// functions only.
pub(crate) fn executors(reader: BlockReader, memory_bytes: usize, threads: usize, spill: PathBuf) -> Executors {
    #[cfg(feature = "sql")]
    let plans = Arc::new(bobbin_engine::Executor::new(reader.clone(), memory_bytes, threads, spill));
    #[cfg(not(feature = "sql"))]
    let plans = {
        let _ = (memory_bytes, threads, spill);
        Arc::new(bobbin_task::NoPlans)
    };
    Executors { plans, functions: Arc::new(Functions::new(reader)) }
}
