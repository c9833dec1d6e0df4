//! What drivers and tasks of an application share by name: datasets of futures, variables, queues, locks, semaphores, events.
//!
//! All of them live in the application, whoever made them, until they are deleted or taken, or the application ends. Leases of
//! semaphores end with the driver that has them. Values may have 64 MiB together; what is larger is a dataset.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bobbin_proto as wire;
use bobbin_task::function::{Value, ValueError};
use bytes::Bytes;
use wire::answer::Answer;
use wire::ask::Question;

use crate::driver::JobError;
use crate::futures::{Claim, Future};
use crate::session::Session;

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
}

/// A question on its way: what it is called in messages, and how long it may wait.
struct Wish {
    what: String,
    question: Question,
    wait: Option<Duration>,
}

impl Session {
    /// The answer; nothing if its time was over.
    async fn wish(
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
        let claim =
            |slot| Arc::new(Claim { slot, wishes: Arc::clone(self.driver.wishes()), driver: self.driver.clone() });
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

    /// What the task of a future does now, and why it does not run if it does not: `"f, task 3 of 9 has waited 40 ms for any free
    /// thread"`.
    ///
    /// # Errors
    /// When the application knows the task no more.
    pub async fn explain<T>(&self, future: &Future<T>) -> Result<String, SharedError> {
        let what = "explain a task".to_owned();
        if let Some(failed) = future.failure() {
            return Ok(failed);
        }
        // Whatever was wished before is submitted with the question.
        let question = Question::Explain(wire::Task::default());
        let wish = Wish { what: what.clone(), question, wait: None };
        match self.wish(wish, vec![Arc::clone(future.claim())]).await? {
            Some((Answer::Text(text), _)) => Ok(text),
            _ => Err(strange(what)),
        }
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
        };
        Ok(workers.workers.into_iter().map(status).collect())
    }

    /// The variable of this name.
    pub fn variable<T: Value>(&self, name: &str) -> Variable<T> {
        Variable { session: self.clone(), name: name.to_owned(), of: PhantomData }
    }

    /// The queue of this name.
    pub fn queue<T: Value>(&self, name: &str) -> Queue<T> {
        Queue { session: self.clone(), name: name.to_owned(), limit: None, of: PhantomData }
    }

    /// The semaphore of this name, with so many leases.
    pub fn semaphore(&self, name: &str, leases: u32) -> Semaphore {
        Semaphore { session: self.clone(), name: name.to_owned(), leases }
    }

    /// The lock of this name: a semaphore with one lease.
    pub fn lock(&self, name: &str) -> Semaphore {
        self.semaphore(name, 1)
    }

    /// The event of this name.
    pub fn event(&self, name: &str) -> Event {
        Event(self.variable(&format!("event {name}")))
    }
}

/// An answer that belongs to another question: application and driver are different builds.
fn strange(what: String) -> SharedError {
    SharedError::Refused { what, why: "the application master gave an answer to another question".to_owned() }
}

/// A value that all can read and set.
#[derive(Clone)]
pub struct Variable<T> {
    session: Session,
    name: String,
    of: PhantomData<fn() -> T>,
}

impl<T: Value> Variable<T> {
    /// Sets its value.
    ///
    /// # Errors
    /// When all values together are too large.
    pub async fn set(&self, value: &T) -> Result<(), SharedError> {
        let what = format!("set the variable '{}'", self.name);
        let value = encode(&what, value)?;
        let question = Question::Set(wire::Named { name: self.name.clone(), value });
        self.session.wish_now(what, question).await.map(drop)
    }

    /// Its value, as soon as it has one.
    ///
    /// # Errors
    /// When the value is of another type.
    pub async fn get(&self) -> Result<T, SharedError> {
        let value = self.get_within(None).await?;
        value.ok_or_else(|| strange(format!("get the variable '{}'", self.name)))
    }

    /// Its value, if it has one within this time.
    ///
    /// # Errors
    /// When the value is of another type.
    pub async fn get_timeout(&self, wait: Duration) -> Result<Option<T>, SharedError> {
        self.get_within(Some(wait)).await
    }

    async fn get_within(&self, wait: Option<Duration>) -> Result<Option<T>, SharedError> {
        let what = format!("get the variable '{}'", self.name);
        value_of(&self.session, Wish { what, question: Question::Get(self.name.clone()), wait }).await
    }

    /// Leaves it without a value.
    ///
    /// # Errors
    /// When the application is gone.
    pub async fn delete(&self) -> Result<(), SharedError> {
        let what = format!("delete the variable '{}'", self.name);
        self.session.wish_now(what, Question::Delete(self.name.clone())).await.map(drop)
    }
}

/// Values in the order in which they were put; each is taken once.
#[derive(Clone)]
pub struct Queue<T> {
    session: Session,
    name: String,
    limit: Option<u32>,
    of: PhantomData<fn() -> T>,
}

impl<T: Value> Queue<T> {
    /// Putting waits while there are so many values.
    #[must_use]
    pub fn with_limit(self, limit: u32) -> Queue<T> {
        Queue { limit: Some(limit), ..self }
    }

    /// Puts a value at the end, as soon as there is room.
    ///
    /// # Errors
    /// When all values together are too large.
    pub async fn put(&self, value: &T) -> Result<(), SharedError> {
        self.put_within(value, None).await.map(drop)
    }

    /// Puts a value at the end, if there is room within this time; false if not.
    ///
    /// # Errors
    /// When all values together are too large.
    pub async fn put_timeout(&self, value: &T, wait: Duration) -> Result<bool, SharedError> {
        self.put_within(value, Some(wait)).await
    }

    async fn put_within(&self, value: &T, wait: Option<Duration>) -> Result<bool, SharedError> {
        let what = format!("put a value into the queue '{}'", self.name);
        let value = encode(&what, value)?;
        let question = Question::Push(wire::Push { name: self.name.clone(), value, limit: self.limit });
        Ok(self.session.wish(Wish { what, question, wait }, Vec::new()).await?.is_some())
    }

    /// Takes the first value, as soon as there is one.
    ///
    /// # Errors
    /// When the value is of another type.
    pub async fn get(&self) -> Result<T, SharedError> {
        let value = self.get_within(None).await?;
        value.ok_or_else(|| strange(format!("take a value of the queue '{}'", self.name)))
    }

    /// Takes the first value, if there is one within this time.
    ///
    /// # Errors
    /// When the value is of another type.
    pub async fn get_timeout(&self, wait: Duration) -> Result<Option<T>, SharedError> {
        self.get_within(Some(wait)).await
    }

    async fn get_within(&self, wait: Option<Duration>) -> Result<Option<T>, SharedError> {
        let what = format!("take a value of the queue '{}'", self.name);
        value_of(&self.session, Wish { what, question: Question::Pop(self.name.clone()), wait }).await
    }

    /// Whether it holds no value now.
    ///
    /// # Errors
    /// When the application is gone.
    pub async fn is_empty(&self) -> Result<bool, SharedError> {
        Ok(self.len().await? == 0)
    }

    /// How many values it holds now.
    ///
    /// # Errors
    /// When the application is gone.
    pub async fn len(&self) -> Result<u32, SharedError> {
        let what = format!("count the queue '{}'", self.name);
        match self.session.wish_now(what.clone(), Question::Count(self.name.clone())).await? {
            Some(Answer::Count(count)) => Ok(count),
            _ => Err(strange(what)),
        }
    }
}

/// So many leases, and no more at the same time: of a database, of the NameNode.
#[derive(Clone)]
pub struct Semaphore {
    session: Session,
    name: String,
    leases: u32,
}

/// A lease; dropping it gives it back.
pub struct Lease {
    session: Session,
    name: String,
    number: u32,
}

impl Semaphore {
    /// A lease, as soon as one is free; in the order of asking.
    ///
    /// # Errors
    /// When the application is gone.
    pub async fn acquire(&self) -> Result<Lease, SharedError> {
        let lease = self.acquire_within(None).await?;
        lease.ok_or_else(|| strange(format!("acquire the semaphore '{}'", self.name)))
    }

    /// A lease, if one is free within this time.
    ///
    /// # Errors
    /// When the application is gone.
    pub async fn acquire_timeout(&self, wait: Duration) -> Result<Option<Lease>, SharedError> {
        self.acquire_within(Some(wait)).await
    }

    async fn acquire_within(&self, wait: Option<Duration>) -> Result<Option<Lease>, SharedError> {
        let what = format!("acquire the semaphore '{}'", self.name);
        let question = Question::Acquire(wire::Acquire { name: self.name.clone(), limit: self.leases });
        let wait_ms = wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let ask = wire::Ask { wait_ms, question: Some(question), ..wire::Ask::default() };
        let answered = self.session.driver.ask(ask, Vec::new()).await;
        let answered = answered.map_err(|source| SharedError::Gone { what: what.clone(), source })?;
        let number = answered.request;
        if let Answer::Refused(why) = answered.answer {
            return Err(SharedError::Refused { what, why });
        }
        if let Answer::TimedOut(_) = answered.answer {
            return Ok(None);
        }
        if let Answer::Done(_) = answered.answer {
            return Ok(Some(Lease { session: self.session.clone(), name: self.name.clone(), number }));
        }
        Err(strange(what))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (session, number) = (self.session.clone(), self.number);
        let question = Question::Release(wire::Release { name: std::mem::take(&mut self.name), lease: number });
        // When the application is gone, so is the lease.
        crate::nested::spawn(async move { drop(session.wish_now("release a lease".to_owned(), question).await) });
    }
}

/// Something that happens once, for all who wait for it, until it is cleared.
#[derive(Clone)]
pub struct Event(Variable<()>);

impl Event {
    /// It has happened.
    ///
    /// # Errors
    /// When the application is gone.
    pub async fn set(&self) -> Result<(), SharedError> {
        self.0.set(&()).await
    }

    /// It has not happened.
    ///
    /// # Errors
    /// When the application is gone.
    pub async fn clear(&self) -> Result<(), SharedError> {
        self.0.delete().await
    }

    /// Waits until it happens, or has happened.
    ///
    /// # Errors
    /// When the application is gone.
    pub async fn wait(&self) -> Result<(), SharedError> {
        self.0.get().await
    }

    /// Whether it happens, or has happened, within this time.
    ///
    /// # Errors
    /// When the application is gone.
    pub async fn wait_timeout(&self, wait: Duration) -> Result<bool, SharedError> {
        Ok(self.0.get_timeout(wait).await?.is_some())
    }
}

fn encode<T: Value>(what: &str, value: &T) -> Result<Bytes, SharedError> {
    value.encode().map_err(|source| SharedError::Value { what: what.to_owned(), source })
}

async fn value_of<T: Value>(session: &Session, wish: Wish) -> Result<Option<T>, SharedError> {
    let what = wish.what.clone();
    match session.wish(wish, Vec::new()).await? {
        Some((Answer::Value(bytes), _)) => {
            T::decode(bytes).map(Some).map_err(|source| SharedError::Value { what, source })
        }
        None => Ok(None),
        Some(_) => Err(strange(what)),
    }
}
