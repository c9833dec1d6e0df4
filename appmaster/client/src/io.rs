//! Where conversations go on. Whatever a program does with its own threads, what is to be said to its application is said:
//! by the thread that has just said it, if that has nothing to wait for, else by one that is there for it. On a program's own
//! runtime a message would wake whichever threads have nothing to do.

use std::sync::OnceLock;

use bobbin_link::Strand;
use tokio::runtime::{Builder, Runtime};

/// Runs this there, and waits for it. What it spawns there, and its connections, stay there.
pub(crate) async fn beside<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let Some((_, strand)) = conversations() else { return work.await };
    strand.spawn(work).await.unwrap_or_else(|panicked| panicked.resume())
}

/// They last as long as the process. Where the system gives no thread, programs have to do with their own.
fn conversations() -> Option<&'static (Runtime, Strand)> {
    static CONVERSATIONS: OnceLock<Option<(Runtime, Strand)>> = OnceLock::new();
    let start = || {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("bobbin").enable_all().build().ok()?;
        let strand = Strand::on(runtime.handle().clone());
        Some((runtime, strand))
    };
    CONVERSATIONS.get_or_init(start).as_ref()
}
