//! What the application says of a task and of itself, for people who want to know why.

use std::sync::Arc;

use bobbin_proto as wire;
use wire::answer::Answer;
use wire::ask::Question;

use crate::futures::Future;
use crate::session::Session;
use crate::shared::{SharedError, Wish, strange};

impl Session {
    /// What the task of a future does now, and why it does not run if it does not: `"f, task 3 of 9 has waited 40 ms for any free
    /// thread"`.
    ///
    /// # Errors
    /// When the application knows the task no more.
    pub async fn explain<T>(&self, future: &Future<T>) -> Result<String, SharedError> {
        self.told("explain a task", Question::Explain(wire::Task::default()), future).await
    }

    /// What has happened to the task of a future, a line for each step: when it could run, where it was sent, how it ended, what
    /// became of its result. The times are those of the application, from its start. The application keeps the latest 65,536
    /// lines of all tasks together.
    ///
    /// # Errors
    /// When the application knows the task no more.
    pub async fn story<T>(&self, future: &Future<T>) -> Result<String, SharedError> {
        self.told("tell the story of a task", Question::Story(wire::Task::default()), future).await
    }

    async fn told<T>(&self, what: &str, question: Question, future: &Future<T>) -> Result<String, SharedError> {
        if let Some(failed) = future.failure()
            && !matches!(question, Question::Story(_))
        {
            return Ok(failed);
        }
        // Whatever was wished before is submitted with the question.
        let wish = Wish { what: what.to_owned(), question, wait: None };
        match self.wish(wish, vec![Arc::clone(future.claim())]).await? {
            Some((Answer::Text(text), _)) => Ok(text),
            _ => Err(strange(what.to_owned())),
        }
    }

    /// The state of the whole application: its containers, workers and what they run, the jobs of all drivers with the state of
    /// each task, and what has happened lately. Up to 16 MiB of text, for people and bug reports.
    ///
    /// # Errors
    /// When the application is gone.
    pub async fn dump_state(&self) -> Result<String, SharedError> {
        let what = "dump the state".to_owned();
        let wish = Wish { what: what.clone(), question: Question::Dump(wire::DumpState {}), wait: None };
        match self.wish(wish, Vec::new()).await? {
            Some((Answer::Text(text), _)) => Ok(text),
            _ => Err(strange(what)),
        }
    }
}
