//! What drivers and tasks of an application share by name: datasets of futures, variables, queues, locks, semaphores, events.
//!
//! All of them live in the application, whoever made them, until they are deleted or taken, or the application ends. Leases of
//! semaphores end with the driver that has them. Values may have 64 MiB together; what is larger is a dataset.

mod semaphore;
mod values;

use std::sync::Arc;
use std::time::Duration;

use bobbin_proto as wire;
use bobbin_task::function::{Value, ValueError};
use wire::answer::Answer;
use wire::ask::Question;

use crate::driver::JobError;
use crate::futures::{Claim, Future};
use crate::session::Session;

pub use semaphore::{Lease, Semaphore};
pub use values::{Event, Queue, Variable};

/// Why something shared is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum SharedError {
    /// The application says why not.
    #[error("{what}: {why}")]
    Refused {
        /// What was asked for: "open the dataset 'x'".
        what: String,
        /// Why not.
        why: String,
    },
    /// The bytes of a value are none of this type.
    #[error("{what}")]
    Value {
        /// What was asked for.
        what: String,
        /// What is wrong.
        #[source]
        source: ValueError,
    },
    /// A dataset holds other types.
    #[error("open the dataset '{name}': it holds results of the type {theirs}, not {ours}")]
    OtherType {
        /// The dataset's name.
        name: String,
        /// The type that was asked for.
        ours: &'static str,
        /// The type that it holds.
        theirs: String,
    },
    /// The application ended.
    #[error("{what}: the application is gone")]
    Gone {
        /// What was asked for.
        what: String,
        /// Why.
        #[source]
        source: JobError,
    },
}

/// A worker at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerStatus {
    /// Its number in the application.
    pub number: u32,
    /// Its host: what `TaskOptions::only_on` takes.
    pub host: String,
    /// Tasks that it runs at the same time.
    pub threads: u32,
    /// Tasks that it has.
    pub tasks: u32,
    /// Results that it keeps.
    pub results: u32,
    /// Is it to leave, as soon as others have its results?
    pub leaving: bool,
    /// Where it serves its results and is asked to run functions: host:port; empty for the worker in this process.
    pub address: String,
}

/// A question on its way: what it is called in messages, and how long it may wait.
pub(crate) struct Wish {
    pub what: String,
    pub question: Question,
    pub wait: Option<Duration>,
}

impl Session {
    /// The answer; nothing if its time was over.
    pub(crate) async fn wish(
        &self,
        wish: Wish,
        published: Vec<Arc<Claim>>,
    ) -> Result<Option<(Answer, Vec<Arc<Claim>>)>, SharedError> {
        let Wish { what, question, wait } = wish;
        let wait_ms = wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let ask = wire::Ask { wait_ms, question: Some(question), ..wire::Ask::default() };
        let answered = match self.driver.ask(ask, published).await {
            Ok(answered) => answered,
            Err(source) => return Err(SharedError::Gone { what, source }),
        };
        let claim = |slot| Claim::of(slot, false, (self.driver.wishes(), &self.driver));
        if let Answer::Refused(why) = answered.answer {
            return Err(SharedError::Refused { what, why });
        }
        let in_time = !matches!(answered.answer, Answer::TimedOut(_));
        Ok(in_time.then(|| (answered.answer, answered.slots.into_iter().map(claim).collect())))
    }

    /// A wish that does not wait.
    async fn wish_now(&self, what: String, question: Question) -> Result<Option<Answer>, SharedError> {
        Ok(self.wish(Wish { what, question, wait: None }, Vec::new()).await?.map(|(answer, _)| answer))
    }

    /// Publishes results under this name: they stay, and are made again when they are lost, until somebody unpublishes them,
    /// whatever becomes of this driver. The futures need not be finished.
    ///
    /// # Errors
    /// When there is a dataset of this name.
    pub async fn publish<T: Value>(&self, name: &str, futures: &[Future<T>]) -> Result<(), SharedError> {
        let dataset = wire::Dataset { kind: std::any::type_name::<T>().to_owned(), entries: Vec::new() };
        let question = Question::Publish(wire::Publish { name: name.to_owned(), dataset: Some(dataset) });
        let claims = futures.iter().map(|future| Arc::clone(future.claim())).collect();
        let wish = Wish { what: format!("publish the dataset '{name}'"), question, wait: None };
        self.wish(wish, claims).await.map(drop)
    }

    /// The results that somebody has published under this name, in their order: futures like any others.
    ///
    /// # Errors
    /// When there is no such dataset, or it holds results of another type.
    pub async fn dataset<T: Value>(&self, name: &str) -> Result<Vec<Future<T>>, SharedError> {
        let what = format!("open the dataset '{name}'");
        let wish = Wish { what: what.clone(), question: Question::Open(name.to_owned()), wait: None };
        match self.wish(wish, Vec::new()).await? {
            Some((Answer::Dataset(dataset), claims)) => {
                let ours = std::any::type_name::<T>();
                if dataset.kind != ours {
                    return Err(SharedError::OtherType { name: name.to_owned(), ours, theirs: dataset.kind });
                }
                Ok(claims.into_iter().map(|claim| Future::new(claim, self.fetcher.clone())).collect())
            }
            _ => Err(strange(what)),
        }
    }

    /// Publishes no more under this name. Who has opened the dataset still has its results.
    ///
    /// # Errors
    /// When there is no such dataset.
    pub async fn unpublish(&self, name: &str) -> Result<(), SharedError> {
        self.wish_now(format!("unpublish the dataset '{name}'"), Question::Unpublish(name.to_owned())).await.map(drop)
    }

    /// The names of all datasets, in order.
    ///
    /// # Errors
    /// When the application is gone.
    pub async fn datasets(&self) -> Result<Vec<String>, SharedError> {
        let what = "list the datasets".to_owned();
        match self.wish_now(what.clone(), Question::List(wire::ListDatasets {})).await? {
            Some(Answer::Names(names)) => Ok(names.names),
            _ => Err(strange(what)),
        }
    }

    /// Hands these futures' tasks to the application, which runs them to their end for their effects, with all that they
    /// read: whoever drops the futures, and whatever becomes of this program. When this returns, the program may end.
    ///
    /// A failure that nobody is left to hear of is in the application master's log. Calls are made as often as others are:
    /// more than once, if workers are lost. The application does not count as idle meanwhile; one that ends with its command
    /// (`run` without `--session`) or its program (local mode) does so all the same.
    ///
    /// # Errors
    /// When one of them has failed before it was submitted, or the application is gone.
    pub async fn fire_and_forget<T: Send + 'static>(&self, futures: &[Future<T>]) -> Result<(), SharedError> {
        let question = Question::Detach(wire::Detach::default());
        let claims: Vec<_> = futures.iter().map(|future| Arc::clone(future.claim())).collect();
        if claims.is_empty() {
            return Ok(());
        }
        let wish = Wish { what: "hand over tasks".to_owned(), question, wait: None };
        self.wish(wish, claims.clone()).await?;
        // As long as this program lives, they survive the application master, too.
        crate::nested::spawn(async move {
            for claim in claims {
                claim.slot.settled(None).await;
            }
        });
        Ok(())
    }

    /// The workers of the application, and what they have to do now.
    ///
    /// # Errors
    /// When the application is gone.
    pub async fn workers(&self) -> Result<Vec<WorkerStatus>, SharedError> {
        let what = "list the workers".to_owned();
        let Some(Answer::Workers(workers)) =
            self.wish_now(what.clone(), Question::Workers(wire::ListWorkers {})).await?
        else {
            return Err(strange(what));
        };
        let status = |row: wire::WorkerStatus| WorkerStatus {
            number: row.worker,
            host: row.host,
            threads: row.threads,
            tasks: row.tasks,
            results: row.results,
            leaving: row.leaving,
            address: row.fetch_address,
        };
        Ok(workers.workers.into_iter().map(status).collect())
    }

    /// The variable of this name.
    pub fn variable<T: Value>(&self, name: &str) -> Variable<T> {
        Variable::new(self, name)
    }

    /// The queue of this name.
    pub fn queue<T: Value>(&self, name: &str) -> Queue<T> {
        Queue::new(self, name)
    }

    /// The semaphore of this name, with so many leases.
    pub fn semaphore(&self, name: &str, leases: u32) -> Semaphore {
        Semaphore::new(self, name, leases)
    }

    /// The lock of this name: a semaphore with one lease.
    pub fn lock(&self, name: &str) -> Semaphore {
        self.semaphore(name, 1)
    }

    /// The event of this name.
    pub fn event(&self, name: &str) -> Event {
        Event::new(self, name)
    }
}

/// An answer that belongs to another question: application and driver are different builds.
pub(crate) fn strange(what: String) -> SharedError {
    SharedError::Refused { what, why: "the application master gave an answer to another question".to_owned() }
}
