//! The thread of conversations. Whatever a program does with its own threads, what is to be said to its application is said, and
//! a round trip wakes this one thread: on a program's own runtime it would wake whichever threads have nothing to do.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

/// Runs this there, and waits for it. What it spawns, and its connections, stay there.
pub(crate) async fn beside<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let Some(runtime) = runtime() else { return work.await };
    match runtime.spawn(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// It lives as long as the process. Where the system gives no thread, programs have to do with their own.
fn runtime() -> Option<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let start = || Builder::new_multi_thread().worker_threads(1).thread_name("bobbin").enable_all().build().ok();
    RUNTIME.get_or_init(start).as_ref()
}
