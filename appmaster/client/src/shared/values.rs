//! Values by name: variables, queues, events.

use std::marker::PhantomData;
use std::time::Duration;

use bobbin_proto as wire;
use bobbin_task::function::Value;
use bytes::Bytes;
use wire::answer::Answer;
use wire::ask::Question;

use super::{SharedError, Wish, strange};
use crate::session::Session;

/// A value that all can read and set.
#[derive(Clone)]
pub struct Variable<T> {
    session: Session,
    name: String,
    of: PhantomData<fn() -> T>,
}

impl<T: Value> Variable<T> {
    pub(super) fn new(session: &Session, name: &str) -> Self {
        Variable { session: session.clone(), name: name.to_owned(), of: PhantomData }
    }

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
    pub(super) fn new(session: &Session, name: &str) -> Self {
        Queue { session: session.clone(), name: name.to_owned(), limit: None, of: PhantomData }
    }

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

/// Something that happens once, for all who wait for it, until it is cleared.
#[derive(Clone)]
pub struct Event(Variable<()>);

impl Event {
    pub(super) fn new(session: &Session, name: &str) -> Self {
        Event(Variable::new(session, &format!("event {name}")))
    }

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
