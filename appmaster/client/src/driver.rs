//! The driver's side of the conversation with the application: jobs go out, progress and results come back.
//!
//! One task owns all jobs; a [`Job`] is a view of one. The same over a TLS link and over channels in local mode.

mod conversation;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bobbin_appmaster::application::DriverSeat;
use bobbin_link::{Connector, DialError, Link, Strand};
use bobbin_proto as wire;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};

use crate::futures::{Claim, FutureTable, Slot, Wishes};
use crate::io::beside;
use conversation::{Connected, Conversation, Line};

pub(crate) use conversation::Again;

/// Jobs and goodbyes that wait to be sent.
const OUTGOING: usize = 256;
/// Messages of the application that wait to be handled.
const INCOMING: usize = 1024;

/// Why a job has no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum JobError {
    /// The application says so.
    #[error("{message}")]
    Failed {
        /// What the user should read.
        message: String,
        /// The exit code that this error deserves; 0 when it names none.
        exit_code: u32,
        /// What the tasks that were done had to say, by their number in the job.
        notes: Arc<BTreeMap<u32, Bytes>>,
    },
    /// The conversation with the application is over.
    #[error("the application master is gone: {0}")]
    Gone(String),
}

/// A conversation with an application. Cheap to clone; it ends when the last clone is dropped.
#[derive(Clone)]
pub struct Driver {
    outgoing: mpsc::Sender<Outgoing>,
    wishes: Arc<Wishes>,
    /// Numbers of questions.
    requests: Arc<AtomicU32>,
}

/// A submitted job. Dropping it releases its results, or cancels it when it is still running.
pub struct Job {
    number: u32,
    state: watch::Receiver<JobState>,
    driver: Driver,
}

/// A job that is done.
#[derive(Clone, Debug, Default)]
pub struct Finished {
    /// What its tasks had to say, by their number in the job.
    pub notes: BTreeMap<u32, Bytes>,
    /// Its last progress.
    pub summary: wire::Progress,
}

/// Where a result is, until it is said again: a result that was lost and computed anew may be announced in the same words.
#[derive(Clone, Debug)]
pub struct Announced {
    /// What the application said.
    pub ready: wire::ResultReady,
    number: u64,
}

#[derive(Default)]
struct JobState {
    results: BTreeMap<u32, Announced>,
    /// Announcements so far.
    announced: u64,
    progress: wire::Progress,
    end: Option<Result<Arc<Finished>, JobError>>,
}

enum Outgoing {
    Submit { job: wire::SubmitJob, reply: oneshot::Sender<(u32, watch::Receiver<JobState>)> },
    Message(wire::from_driver::Message),
    Release(u32),
    Ask(Box<Asking>),
    Withdraw(u32),
}

/// A question, and whoever waits for its answer.
struct Asking {
    ask: wire::Ask,
    /// Futures that it is about, which have numbers only when they were submitted.
    published: Vec<Arc<Claim>>,
    reply: oneshot::Sender<Answered>,
}

/// An answer; of an opened dataset with its futures.
pub(crate) struct Answered {
    /// The question's number.
    pub request: u32,
    pub answer: wire::answer::Answer,
    pub slots: Vec<Arc<Slot>>,
}

/// Withdraws a question that nobody waits for any more.
struct Withdrawal<'a> {
    driver: &'a Driver,
    request: Option<u32>,
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        if let Some(request) = self.request {
            let (outgoing, message) = (self.driver.outgoing.clone(), Outgoing::Withdraw(request));
            // It must not be lost: what was answered meanwhile has to be undone.
            crate::nested::spawn(async move { drop(outgoing.send(message).await) });
        }
    }
}

impl Driver {
    /// Talks to the application whose master is at `address` (host:port), as `name`.
    ///
    /// # Errors
    /// The application master cannot be reached or refuses us.
    pub async fn dial(connector: &Connector, address: &str, name: &str) -> Result<Self, DialError> {
        let (connector, address, hello) =
            (connector.clone(), address.to_owned(), wire::DriverHello { name: name.to_owned() });
        beside(async move {
            let (link, _) = connector.dial_as_driver(&address, hello).await?;
            Ok(Self::over_link(link))
        })
        .await
    }

    /// Talks over a link to an application master.
    pub fn over_link(link: Link<wire::ToDriver, wire::FromDriver>) -> Self {
        Self::start(Connected::over(link), None)
    }

    /// As [`Driver::dial`]; when the line breaks, what `again` gives for the master's welcome finds the application master, or
    /// the one that came after it, and the futures are computed there.
    pub(crate) async fn dial_patiently(
        connector: &Connector,
        address: &str,
        hello: wire::DriverHello,
        again: impl FnOnce(&wire::Welcome) -> Again + Send + 'static,
    ) -> Result<Self, DialError> {
        let (connector, address) = (connector.clone(), address.to_owned());
        beside(async move {
            let (link, welcome) = connector.dial_as_driver(&address, hello).await?;
            Ok(Self::start(Connected::over(link), Some(again(&welcome))))
        })
        .await
    }

    /// Talks to an application in this process.
    pub fn over_seat(mut seat: DriverSeat) -> Self {
        let (_, nothing) = mpsc::channel(1);
        let news = std::mem::replace(&mut seat.news, nothing);
        let (_, end) = oneshot::channel();
        Self::start(Connected { line: Line::Seat(seat), news, end }, None)
    }

    fn start(connected: Connected, again: Option<Again>) -> Self {
        let Connected { line, news, end } = connected;
        let (outgoing, receiver) = mpsc::channel(OUTGOING);
        let wishes = Arc::new(Wishes::new(Strand::here()));
        let futures = FutureTable::new(again.is_some());
        let conversation = Conversation {
            line,
            jobs: BTreeMap::new(),
            futures,
            questions: BTreeMap::new(),
            wishes: Arc::clone(&wishes),
            next: 1,
            ending: None,
            again,
        };
        drop(bobbin_link::spawn(conversation.run(receiver, news, end)));
        Driver { outgoing, wishes, requests: Arc::default() }
    }

    /// Asks something of what all drivers share, and waits for the answer. If nobody waits any more, what it would have
    /// brought is given back.
    pub(crate) async fn ask(&self, ask: wire::Ask, published: Vec<Arc<Claim>>) -> Result<Answered, JobError> {
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        let ask = wire::Ask { request, ..ask };
        let asking = Outgoing::Ask(Box::new(Asking { ask, published, reply }));
        self.outgoing.send(asking).await.map_err(|_| gone_silently())?;
        let mut withdrawal = Withdrawal { driver: self, request: Some(request) };
        let pause = bobbin_task::running().map(|task| task.pauses.begin());
        let answered = answer.await;
        drop(pause);
        withdrawal.request = None;
        answered.map_err(|_| gone_silently())
    }

    /// Submits a job; its `job` number is replaced by one of ours.
    pub async fn submit(&self, job: wire::SubmitJob) -> Result<Job, JobError> {
        let (reply, submitted) = oneshot::channel();
        let gone = |_| JobError::Gone("the conversation has ended".to_owned());
        self.outgoing.send(Outgoing::Submit { job, reply }).await.map_err(|_| gone(()))?;
        let (number, state) = submitted.await.map_err(|_| gone(()))?;
        Ok(Job { number, state, driver: self.clone() })
    }

    /// What programs want of their futures.
    pub(crate) fn wishes(&self) -> &Arc<Wishes> {
        &self.wishes
    }

    /// Tells the application that an announced result cannot be fetched: it is made again, or said to have failed.
    pub(crate) async fn unreadable(&self, announced: &wire::ResultReady, reason: String) {
        let (job, task, master) = (announced.job, announced.task, announced.master);
        let workers = announced.holders.iter().map(|holder| holder.worker).collect();
        let message = wire::ResultUnreadable { job, task, workers, reason, master };
        let message = Outgoing::Message(wire::from_driver::Message::ResultUnreadable(message));
        // When the conversation has ended, whoever waits for the result hears of that.
        let _ = self.outgoing.send(message).await;
    }

    /// Ends the application with this outcome.
    pub async fn finish(&self, succeeded: bool, diagnostics: impl Into<String>) {
        let finish = wire::FinishApplication { succeeded, diagnostics: diagnostics.into() };
        // When the conversation has ended, the application ends by itself.
        let _ = self.outgoing.send(Outgoing::Message(wire::from_driver::Message::Finish(finish))).await;
    }
}

impl Job {
    /// Waits until it is over, well or not. Dropping the future loses nothing.
    pub async fn ended(&mut self) {
        // An ended conversation is found by whoever asks for the outcome.
        let _ = self.state.wait_for(|state| state.end.is_some()).await;
    }

    /// Waits until all its tasks are done.
    pub async fn finished(&mut self) -> Result<Arc<Finished>, JobError> {
        let gone = |_| JobError::Gone("the conversation has ended".to_owned());
        let state = self.state.wait_for(|state| state.end.is_some()).await.map_err(gone)?;
        state.end.clone().unwrap_or_else(|| Err(gone_silently()))
    }

    /// Where the result of `task` (its number in the job) is. `not` is an announcement that turned out to be stale: the
    /// next one is awaited.
    pub async fn result(&mut self, task: u32, not: Option<&Announced>) -> Result<Announced, JobError> {
        let stale = not.map(|announced| announced.number);
        let fresh =
            |state: &JobState| state.results.get(&task).filter(|announced| Some(announced.number) != stale).cloned();
        let state = self.state.wait_for(|state| fresh(state).is_some() || matches!(state.end, Some(Err(_)))).await;
        let state = state.map_err(|_| gone_silently())?;
        match (fresh(&state), &state.end) {
            (Some(result), _) => Ok(result),
            (None, Some(Err(error))) => Err(error.clone()),
            (None, _) => Err(gone_silently()),
        }
    }

    /// Tells the application that an announced result cannot be fetched: it is computed again, or the job fails.
    pub async fn unreadable(&self, announced: &Announced, reason: String) {
        self.driver.unreadable(&announced.ready, reason).await;
    }

    /// Its number in the conversation.
    #[cfg(feature = "sql")]
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The bytes of each result that is there, by its task's number in the job.
    #[cfg(feature = "sql")]
    pub(crate) fn result_bytes(&self) -> BTreeMap<u32, u64> {
        self.state.borrow().results.iter().map(|(task, announced)| (*task, announced.ready.bytes)).collect()
    }

    /// Its progress as it is known now.
    pub fn progress(&self) -> wire::Progress {
        self.state.borrow().progress.clone()
    }

    /// Waits until something about the job changes.
    pub async fn changed(&mut self) {
        // An ended conversation is found by whoever asks for the outcome.
        let _ = self.state.changed().await;
    }
}

fn gone_silently() -> JobError {
    JobError::Gone("the conversation has ended".to_owned())
}

impl Drop for Job {
    fn drop(&mut self) {
        // A full queue or an ended conversation: the application forgets the job with its driver.
        let _ = self.driver.outgoing.try_send(Outgoing::Release(self.number));
    }
}
