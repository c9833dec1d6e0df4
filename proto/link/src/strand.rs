//! Strands: conversations that go on wherever they are given something to do.
//!
//! To wake a thread costs more than most messages do. So what a process says to its application, and hears from there, is no
//! thread's: whoever has just put something in (a program that submits, a thread that has ended a task) takes the strand with
//! it as far as it goes, unless somebody else has it. What comes from sockets and timers is taken by the runtime to which they
//! belong, as ever.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures::FutureExt;
use futures::future::{BoxFuture, poll_fn};
use futures::stream::{FuturesUnordered, Stream};
use futures::task::AtomicWaker;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::unconstrained;

/// How often in a row a strand that is given something again and again is taken on by one that has other things to do.
const ROUNDS: usize = 32;

thread_local! {
    /// The strand that this thread runs, or is about to run.
    static HERE: RefCell<Option<Strand>> = const { RefCell::new(None) };
}

/// Tasks of which one at a time runs, on whichever thread has just given them something to do. Cheap to clone; what was
/// spawned ends with the runtime that it was made for.
#[derive(Clone)]
pub struct Strand(Arc<Shared>);

struct Shared {
    tasks: Mutex<FuturesUnordered<BoxFuture<'static, ()>>>,
    arriving: Mutex<Vec<BoxFuture<'static, ()>>>,
    /// Has a thread got it?
    taken: AtomicBool,
    /// Is there something to do that nobody has seen?
    woken: AtomicBool,
    /// Whoever takes it when nobody else does.
    resident: AtomicWaker,
    runtime: Handle,
}

/// Resolves when a spawned task is over: to what it gives, or to its panic. Dropping it does not end the task.
pub type Ending<T> = BoxFuture<'static, Result<T, Panicked>>;

/// A task panicked, or ended with its runtime.
pub struct Panicked(Box<dyn Any + Send>);

impl Panicked {
    /// Panics as it did.
    pub fn resume(self) -> ! {
        std::panic::resume_unwind(self.0)
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.downcast_ref::<&str>().copied();
        let text = text.or_else(|| self.0.downcast_ref::<String>().map(String::as_str));
        write!(formatter, "it panicked: {}", text.unwrap_or("no message"))
    }
}

impl fmt::Debug for Panicked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl std::error::Error for Panicked {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is in there is whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Strand {
    /// One whose sockets and timers are those of this runtime, which takes it when nobody else does.
    pub fn on(runtime: Handle) -> Strand {
        let strand = Strand(Arc::new(Shared {
            tasks: Mutex::default(),
            arriving: Mutex::default(),
            taken: AtomicBool::new(false),
            woken: AtomicBool::new(false),
            resident: AtomicWaker::new(),
            runtime: runtime.clone(),
        }));
        let resident = strand.clone();
        runtime.spawn(poll_fn(move |context| resident.reside(context)));
        strand
    }

    /// The one that runs here now; nothing outside of any.
    pub fn here() -> Option<Strand> {
        HERE.with_borrow(Clone::clone)
    }

    /// Adds a task.
    pub fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> Ending<T> {
        let (over, ended) = oneshot::channel();
        // It runs within others' tasks: what these may do before they have to make room is not for it to spend.
        let task = unconstrained(AssertUnwindSafe(task).catch_unwind());
        let task = task.map(|outcome| drop(over.send(outcome)));
        lock(&self.0.arriving).push(task.boxed());
        self.0.wake_by_ref();
        let ended = async move {
            match ended.await {
                Ok(outcome) => outcome.map_err(Panicked),
                Err(_) => Err(Panicked(Box::new("its runtime has ended"))),
            }
        };
        ended.boxed()
    }

    /// Does what gives the strand something to do, and then that.
    pub fn follow<T>(&self, cause: impl FnOnce() -> T) -> T {
        let Some(_here) = Here::enter(self) else { return cause() };
        let caused = cause();
        self.run();
        caused
    }

    /// Runs it as far as it goes, if nobody else does; who does sees what is new.
    fn run(&self) {
        for _ in 0..ROUNDS {
            let Some(taken) = Taken::take(&self.0.taken) else { return };
            self.poll();
            drop(taken);
            if !self.0.woken.load(Ordering::SeqCst) {
                return;
            }
        }
        self.0.resident.wake();
    }

    fn poll(&self) {
        let waker = Waker::from(Arc::clone(&self.0));
        let mut context = Context::from_waker(&waker);
        let _sockets_and_timers = self.0.runtime.enter();
        let mut tasks = lock(&self.0.tasks);
        if self.0.woken.swap(false, Ordering::SeqCst) {
            tasks.extend(std::mem::take(&mut *lock(&self.0.arriving)));
            while let Poll::Ready(Some(())) = std::pin::Pin::new(&mut *tasks).poll_next(&mut context) {}
        }
    }

    fn reside(&self, context: &Context<'_>) -> Poll<()> {
        self.0.resident.register(context.waker());
        if self.0.woken.load(Ordering::SeqCst)
            && let Some(_here) = Here::enter(self)
        {
            self.run();
        }
        Poll::Pending
    }
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        let is_here = HERE.with_borrow(|here| here.as_ref().is_some_and(|here| Arc::ptr_eq(&here.0, self)));
        // Whoever has it looks again when he gives it back.
        if !is_here && !self.taken.load(Ordering::SeqCst) {
            self.resident.wake();
        }
    }
}

/// While it lives, nobody else has the strand.
struct Taken<'a>(&'a AtomicBool);

impl Taken<'_> {
    fn take(taken: &AtomicBool) -> Option<Taken<'_>> {
        (!taken.swap(true, Ordering::SeqCst)).then(|| Taken(taken))
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// While it lives, this thread runs the strand or is about to.
struct Here(Option<Strand>);

impl Here {
    /// Nothing when the strand runs here already.
    fn enter(strand: &Strand) -> Option<Here> {
        HERE.with_borrow_mut(|here| {
            let entered = here.as_ref().is_some_and(|here| Arc::ptr_eq(&here.0, &strand.0));
            (!entered).then(|| Here(here.replace(strand.clone())))
        })
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        HERE.set(self.0.take());
    }
}

/// Spawns a task on the strand that runs here, or, outside of any, on this thread's runtime.
pub fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> Ending<T> {
    match Strand::here() {
        Some(strand) => strand.spawn(task),
        None => {
            let ended = tokio::spawn(task).map(|outcome| {
                outcome.map_err(|error| match error.try_into_panic() {
                    Ok(panic) => Panicked(panic),
                    Err(_) => Panicked(Box::new("its runtime has ended")),
                })
            });
            ended.boxed()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread::{ThreadId, current};

    use tokio::sync::mpsc;
    use tokio::time::{Duration, sleep};

    use super::*;

    /// Answers with its thread whatever it hears.
    async fn echo(mut heard: mpsc::Receiver<u32>, said: mpsc::Sender<(u32, ThreadId)>) {
        while let Some(number) = heard.recv().await {
            said.send((number, current().id())).await.unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn whoever_gives_it_something_does_it() {
        let strand = Strand::on(Handle::current());
        let ((ask, asked), (say, mut said)) = (mpsc::channel(8), mpsc::channel(8));
        let over = strand.spawn(echo(asked, say));
        let outside = std::thread::spawn(move || {
            strand.follow(|| ask.try_send(1).unwrap());
            current().id()
        });
        let (number, where_) = said.recv().await.unwrap();
        assert_eq!((number, where_), (1, outside.join().unwrap()));
        over.await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn timers_and_others_wake_it_without_anybody() {
        let strand = Strand::on(Handle::current());
        let ((ask, asked), (say, mut said)) = (mpsc::channel(8), mpsc::channel(8));
        let over = strand.spawn(async move {
            sleep(Duration::from_millis(1)).await;
            echo(asked, say).await;
            7
        });
        for number in 0..1000 {
            ask.send(number).await.unwrap();
            assert_eq!(said.recv().await.unwrap().0, number);
        }
        drop(ask);
        assert_eq!(over.await.unwrap(), 7);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_threads_lose_nothing() {
        let strand = Strand::on(Handle::current());
        let ((ask, asked), (say, mut said)) = (mpsc::channel(4096), mpsc::channel(4096));
        let over = strand.spawn(echo(asked, say));
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let (strand, ask) = (strand.clone(), ask.clone());
                std::thread::spawn(move || {
                    for number in 0..1000 {
                        strand.follow(|| ask.try_send(thread * 1000 + number).unwrap());
                    }
                })
            })
            .collect();
        drop(ask);
        let mut heard = Vec::new();
        while let Some((number, _)) = said.recv().await {
            heard.push(number);
        }
        heard.sort_unstable();
        assert!(heard.into_iter().eq(0..4000));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        over.await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_panic_is_its_task_s_alone() {
        let strand = Strand::on(Handle::current());
        let (bad, good) = (strand.spawn(async { panic!("on purpose") }), strand.spawn(async { 3 }));
        let panic: Result<(), Panicked> = bad.await;
        assert_eq!(panic.unwrap_err().to_string(), "it panicked: on purpose");
        assert_eq!(good.await.unwrap(), 3);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn what_is_spawned_in_it_stays_in_it() {
        let strand = Strand::on(Handle::current());
        let inner = strand.clone();
        let same = strand.spawn(async move {
            let of = |strand: &Strand| Arc::as_ptr(&strand.0) as usize;
            let here = spawn(async move { Strand::here().map(|here| of(&here)) }).await.unwrap();
            here == Some(of(&inner))
        });
        assert!(same.await.unwrap());
        assert!(Strand::here().is_none());
    }

    /// A budget that is spent would make it wake itself for ever.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn another_task_s_budget_is_not_its_own() {
        let strand = Strand::on(Handle::current());
        let ((ask, asked), (say, mut said)) = (mpsc::channel(4096), mpsc::channel(4096));
        let _over = strand.spawn(echo(asked, say));
        tokio::spawn(async move {
            for number in 0..4096 {
                strand.follow(|| ask.try_send(number).unwrap());
            }
            let mut heard = 0;
            while heard < 4096 {
                said.recv().await.unwrap();
                heard += 1;
            }
        })
        .await
        .unwrap();
    }
}
