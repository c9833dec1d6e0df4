//! Futures: calls of registered functions, made on workers, where their data is.
//!
//! ```text
//!  program                       conversation (a task of the driver)         application
//!  submit, map -> Future ──wishes──▶ FutureTable ── one job for all that is there ──▶
//!  drop, cancel                          │
//!  result, as_completed ◀── slots ◀──────┴──────────── ready, lost, failed ◀──
//!       └──────────────────────────── fetched from the worker ◀────────────────
//! ```
//!
//! Equal calls (function, version, arguments) have one future, unless the function is not pure. A task that fails takes
//! along those that read its result, and nobody else.

mod blocks;
mod call;
mod future;
mod options;
mod progress;
mod queue;
mod recipe;
mod retry;
mod slot;
mod table;

use std::sync::Arc;

use bobbin_task::function::{Bytes, Function, Value};
use futures::stream::{self, StreamExt, TryStreamExt};

pub use blocks::{Block, BlocksError};
pub use call::{Arguments, IntoArgument, IntoArguments};
pub use future::{Future, FutureError, Status};
pub use options::{Isolation, NoIsolation, TaskOptions};
pub use progress::{Progress, Watch};
pub(crate) use queue::{Wish, Wishes};
pub use retry::RetryError;
pub(crate) use table::FutureTable;

use crate::session::Session;
pub(crate) use slot::{Claim, Slot};
use slot::{Completions, Ended, Key};

/// Results that `gather` fetches at the same time.
const AT_ONCE: usize = 16;

impl Session {
    /// Calls a function with these arguments: `submit(add, (1, &future))`, `submit(double, (x,))`. Does not wait.
    ///
    /// What is wrong with an argument is said by the future.
    pub fn submit<F: Function>(&self, _: F, arguments: impl IntoArguments<F::Args>) -> Future<F::Output> {
        self.submit_with::<F>(arguments, &TaskOptions::default())
    }

    /// As [`Session::submit`], with options: `submit_with::<add>((1, 2), &options)`.
    pub fn submit_with<F: Function>(
        &self,
        arguments: impl IntoArguments<F::Args>,
        options: &TaskOptions,
    ) -> Future<F::Output> {
        let mut given = Arguments::default();
        arguments.add_to(&mut given);
        self.call::<F>(given, options)
    }

    fn call<F: Function>(&self, arguments: Arguments, options: &TaskOptions) -> Future<F::Output> {
        let wishes = self.driver.wishes();
        let claim = match arguments.call::<F>(options) {
            Err(error) => self.claim_of_failed(F::NAME, &error.to_string()),
            Ok((key, spec)) => {
                let once = spec.once;
                wishes.submit(key, || self.claim(F::NAME, key, !once), spec)
            }
        };
        Future::new(claim, self.fetcher.clone())
    }

    fn claim(&self, name: &'static str, key: Key, known: bool) -> Arc<Claim> {
        Claim::of(Arc::new(Slot::new(name, key)), known, (self.driver.wishes(), &self.driver))
    }

    fn claim_of_failed(&self, name: &'static str, message: &str) -> Arc<Claim> {
        let claim = self.claim(name, Key([0; 16]), false);
        claim.slot.failed(Ended::Failed { message: message.into(), exit_code: 64 });
        claim
    }

    /// Calls a function of one parameter once for each item: values, futures or blocks.
    pub fn map<F, A, I>(&self, _: F, items: impl IntoIterator<Item = I>) -> Vec<Future<F::Output>>
    where
        F: Function<Args = (A,)>,
        I: IntoArgument<A>,
    {
        items.into_iter().map(|item| self.submit_with::<F>((item,), &TaskOptions::default())).collect()
    }

    /// As [`Session::map`], with options: `map_with::<score, _, _>(items, &options)`.
    pub fn map_with<F, A, I>(&self, items: impl IntoIterator<Item = I>, options: &TaskOptions) -> Vec<Future<F::Output>>
    where
        F: Function<Args = (A,)>,
        I: IntoArgument<A>,
    {
        items.into_iter().map(|item| self.submit_with::<F>((item,), options)).collect()
    }

    /// Folds results with a function of two of them, in a tree, neighbours first: the order of the results is kept, so the
    /// function need not be commutative. One future is itself; none is one that has failed.
    pub fn reduce<F, T: Value>(&self, function: F, futures: Vec<Future<T>>) -> Future<T>
    where
        F: Function<Args = (T, T), Output = T>,
    {
        let mut level = futures;
        while level.len() > 1 {
            let mut pairs = level.into_iter();
            let mut next = Vec::with_capacity(pairs.len().div_ceil(2));
            while let Some(first) = pairs.next() {
                next.push(match pairs.next() {
                    Some(second) => self.submit(function, (first, second)),
                    None => first,
                });
            }
            level = next;
        }
        level.pop().unwrap_or_else(|| {
            let claim = self.claim_of_failed(F::NAME, "there is nothing to reduce: the list of futures is empty");
            Future::new(claim, self.fetcher.clone())
        })
    }

    /// Waits for all results, and fetches them, several at a time; in the order of the futures.
    ///
    /// # Errors
    /// The first failure in this order.
    pub async fn gather<T: Value>(&self, futures: &[Future<T>]) -> Result<Vec<T>, FutureError> {
        // Clones, so that a task can await this on whatever thread.
        let fetching = stream::iter(futures.to_vec()).map(|future| async move { future.result().await });
        fetching.buffered(AT_ONCE).try_collect().await
    }

    /// Puts a value on a worker, for tasks that read it. Values of more than 16 MiB are refused: let a task make them.
    pub fn scatter<T: Value>(&self, value: &T) -> Future<T> {
        let mut arguments = Arguments::default();
        match value.encode() {
            Ok(bytes) => IntoArgument::<Bytes>::add_to(Bytes::from(bytes), &mut arguments),
            Err(error) => {
                let claim = self.claim_of_failed(scatter::NAME, &error.to_string());
                return Future::new(claim, self.fetcher.clone());
            }
        }
        self.call::<scatter>(arguments, &TaskOptions::default()).read_as()
    }
}

/// What [`Session::scatter`] calls: its argument is the result.
#[bobbin_macros::task(crate = crate, name = "bobbin::scatter")]
fn scatter(bytes: Bytes) -> Bytes {
    bytes
}

/// Waits until all of them have finished or failed.
pub async fn wait<T>(futures: &[Future<T>]) {
    for future in futures {
        future.wait().await;
    }
}

/// Futures as they are settled; more may be added on the way.
///
/// ```no_run
/// # #[bobbin::task]
/// # fn score(x: u64) -> u64 { x }
/// # async fn example(session: bobbin::Session) -> Result<(), Box<dyn std::error::Error>> {
/// let mut running = bobbin::as_completed(session.map(score, [1u64, 2, 3]));
/// while let Some(future) = running.next().await {
///     let found = future.result().await?;
///     if found < 100 {
///         running.add(session.submit(score, (found * 2,)));
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct AsCompleted<T> {
    futures: Vec<Option<Future<T>>>,
    left: usize,
    completions: Arc<Completions>,
}

/// The futures in the order in which they are settled.
pub fn as_completed<T>(futures: impl IntoIterator<Item = Future<T>>) -> AsCompleted<T> {
    let mut completed = AsCompleted { futures: Vec::new(), left: 0, completions: Arc::default() };
    futures.into_iter().for_each(|future| completed.add(future));
    completed
}

impl<T> AsCompleted<T> {
    /// One more.
    pub fn add(&mut self, future: Future<T>) {
        future.claim().slot.tell(&self.completions, self.futures.len());
        self.futures.push(Some(future));
        self.left += 1;
    }

    /// How many have not been given yet.
    pub fn len(&self) -> usize {
        self.left
    }

    /// Whether all have been given.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// The next one that has finished or failed; nothing when all have been given.
    pub async fn next(&mut self) -> Option<Future<T>> {
        while self.left > 0 {
            let number = self.completions.next().await;
            if let Some(future) = self.futures[number].take() {
                self.left -= 1;
                return Some(future);
            }
        }
        None
    }
}
