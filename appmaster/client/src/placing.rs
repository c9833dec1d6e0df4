//! Where results are, and how to have them elsewhere: several copies of a result, results spread evenly, workers let go.

use std::sync::Arc;

use bobbin_proto as wire;
use wire::answer::Answer;
use wire::ask::Question;

use crate::futures::Future;
use crate::session::Session;
use crate::shared::{SharedError, Wish, strange};

impl Session {
    /// Lets so many workers have each of these results, the one that made it included, and waits until they have. Tasks fetch
    /// it from the nearest of them, and no single worker takes it along when it dies. Workers that have it already serve the
    /// next ones, two at a time. Where there are fewer workers, all of them get it, also those that come later:
    /// `u32::MAX` is everybody. 1 takes it back.
    ///
    /// Results that are not there yet are copied when they are. The state of an actor cannot be copied.
    ///
    /// # Errors
    /// When a task fails, a copy fails several times (a worker has no room), or the application is gone.
    pub async fn replicate<T>(&self, futures: &[Future<T>], copies: u32) -> Result<(), SharedError> {
        let replicate = wire::Replicate { results: None, copies };
        self.place("replicate results", Question::Replicate(replicate), futures).await.map(drop)
    }

    /// The numbers of the workers that have each of these results: see [`Session::workers`]. Nobody has one that is not there.
    ///
    /// # Errors
    /// When the application is gone.
    pub async fn who_has<T>(&self, futures: &[Future<T>]) -> Result<Vec<Vec<u32>>, SharedError> {
        let what = "ask who has results";
        let answer = self.place(what, Question::Holders(wire::Results::default()), futures).await?;
        let Answer::Holders(holders) = answer else { return Err(strange(what.to_owned())) };
        Ok(holders.results.into_iter().map(|row| row.workers).collect())
    }

    /// Of these futures, those whose result a worker has, by their places in the list.
    ///
    /// # Errors
    /// When the application is gone.
    pub async fn has_what<T>(&self, worker: u32, futures: &[Future<T>]) -> Result<Vec<usize>, SharedError> {
        let holders = self.who_has(futures).await?;
        Ok((0..).zip(&holders).filter(|(_, row)| row.contains(&worker)).map(|(place, _)| place).collect())
    }

    /// Lets results move until all workers keep about as many bytes, and waits until they have.
    ///
    /// # Errors
    /// When a result cannot be moved, or the application is gone.
    pub async fn rebalance(&self) -> Result<(), SharedError> {
        self.place::<()>("spread results evenly", Question::Rebalance(wire::Rebalance {}), &[]).await.map(drop)
    }

    /// Lets these workers leave, by their numbers, and waits until they are gone: they get no more tasks, end those that they
    /// run, and go when others have their results. On YARN their containers are given back.
    ///
    /// # Errors
    /// When nobody would be left, their results cannot be taken over (they stay then), or the application is gone.
    pub async fn retire_workers(&self, workers: &[u32]) -> Result<(), SharedError> {
        let retire = wire::Retire { workers: workers.to_vec() };
        self.place::<()>("retire workers", Question::Retire(retire), &[]).await.map(drop)
    }

    async fn place<T>(&self, what: &str, question: Question, futures: &[Future<T>]) -> Result<Answer, SharedError> {
        let claims = futures.iter().map(|future| Arc::clone(future.claim())).collect();
        let wish = Wish { what: what.to_owned(), question, wait: None };
        match self.wish(wish, claims).await? {
            Some((answer, _)) => Ok(answer),
            None => Err(strange(what.to_owned())),
        }
    }
}
