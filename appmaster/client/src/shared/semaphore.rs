//! Semaphores and locks: leases that end with whoever has them.

use std::time::Duration;

use bobbin_proto as wire;
use wire::answer::Answer;
use wire::ask::Question;

use super::{SharedError, strange};
use crate::session::Session;

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
    pub(super) fn new(session: &Session, name: &str, leases: u32) -> Self {
        Semaphore { session: session.clone(), name: name.to_owned(), leases }
    }

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
