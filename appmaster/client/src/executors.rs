//! What runs tasks in a worker of this program.

use std::path::PathBuf;
use std::sync::Arc;

use bobbin_blocks::BlockReader;
use bobbin_task::Isolation;
use bobbin_task::function::Functions;
use bobbin_task::process::Processes;
use bobbin_worker::Executors;

use crate::nested::Home;

/// What plans of the query engine may use.
pub(crate) struct Room {
    /// For all threads together.
    pub memory_bytes: usize,
    pub threads: usize,
    /// Where they spill.
    pub spill: PathBuf,
}

/// A program without the query engine runs functions only: there, where their callers do not say it.
pub(crate) fn executors(
    reader: BlockReader,
    room: Room,
    (home, processes, isolation): (Home, Processes, Isolation),
) -> Executors {
    let Room { memory_bytes, threads, spill } = room;
    #[cfg(feature = "sql")]
    let plans = Arc::new(bobbin_engine::Executor::new(reader.clone(), memory_bytes, threads, spill));
    #[cfg(not(feature = "sql"))]
    let plans = {
        let _ = (memory_bytes, threads, spill);
        Arc::new(bobbin_task::NoPlans)
    };
    let functions = Arc::new(Functions::new(reader).with_home(Arc::new(home)).with_processes(processes));
    Executors { plans, functions, methods: Arc::default(), isolation }
}
