//! The driver's side of the conversation with the application: jobs go out, progress and results come back.
//!
//! One task owns all jobs; a [`Job`] is a view of one. The same over a TLS link and over channels in local mode.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bobbin_appmaster::application::DriverSeat;
use bobbin_link::{Connector, DialError, Link, Pump, SILENCE_LIMIT_MS, pump};
use bobbin_proto as wire;
use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot, watch};

use crate::futures::{Claim, FutureTable, Slot, Wishes};

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
        let (link, _) = connector.dial_as_driver(address, wire::DriverHello { name: name.to_owned() }).await?;
        Ok(Self::over_link(link))
    }

    /// Talks over a link to an application master.
    pub fn over_link(link: Link<wire::ToDriver, wire::FromDriver>) -> Self {
        Self::start(Connected::over(link), None)
    }

    /// Talks over a link to an application master; when it breaks, `again` finds the application master, or the one that
    /// came after it, and the futures are computed there.
    pub(crate) fn over_links(link: Link<wire::ToDriver, wire::FromDriver>, again: Again) -> Self {
        Self::start(Connected::over(link), Some(again))
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
        let wishes = Arc::<Wishes>::default();
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
        tokio::spawn(conversation.run(receiver, news, end));
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
    pub(crate) async fn unreadable(&self, announced: wire::ResultReady, reason: String) {
        let wire::ResultReady { job, task, holders, .. } = announced;
        let workers = holders.iter().map(|holder| holder.worker).collect();
        let message = wire::ResultUnreadable { job, task, workers, reason };
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
        self.driver.unreadable(announced.ready.clone(), reason).await;
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

/// Finds the application again after the connection broke for this reason, or says why that is in vain.
pub(crate) type Again =
    Box<dyn Fn(String) -> BoxFuture<'static, Result<Link<wire::ToDriver, wire::FromDriver>, String>> + Send + Sync>;

/// A way to the application, what comes from there, and why it ends.
struct Connected {
    line: Line,
    news: mpsc::Receiver<wire::ToDriver>,
    end: oneshot::Receiver<String>,
}

impl Connected {
    fn over(link: Link<wire::ToDriver, wire::FromDriver>) -> Connected {
        let (to_application, outgoing) = mpsc::channel(OUTGOING);
        let (incoming, news) = mpsc::channel(INCOMING);
        let heartbeat = from_driver(wire::from_driver::Message::Heartbeat(wire::Heartbeat {}));
        let silence = std::time::Duration::from_millis(SILENCE_LIMIT_MS.into());
        let (ended, end) = oneshot::channel();
        tokio::spawn(async move {
            let end = pump(link, Pump { outgoing, incoming, heartbeat, silence }, |message| message).await;
            // When nobody listens any more, nobody needs the reason.
            let _ = ended.send(end.to_string());
        });
        Connected { line: Line::Link(to_application), news, end }
    }
}

/// The way to the application.
enum Line {
    Link(mpsc::Sender<wire::FromDriver>),
    Seat(DriverSeat),
}

impl Line {
    async fn say(&self, message: wire::from_driver::Message) {
        let message = from_driver(message);
        // A broken line shows in what comes back: nothing.
        match self {
            Line::Link(link) => drop(link.send(message).await),
            Line::Seat(seat) => drop(seat.say(message).await),
        }
    }
}

struct Conversation {
    line: Line,
    jobs: BTreeMap<u32, watch::Sender<JobState>>,
    futures: FutureTable,
    /// Questions that were not answered.
    questions: BTreeMap<u32, (wire::Ask, oneshot::Sender<Answered>)>,
    wishes: Arc<Wishes>,
    next: u32,
    ending: Option<String>,
    again: Option<Again>,
}

impl Conversation {
    async fn run(
        mut self,
        mut outgoing: mpsc::Receiver<Outgoing>,
        mut news: mpsc::Receiver<wire::ToDriver>,
        mut end: oneshot::Receiver<String>,
    ) {
        let wishes = Arc::clone(&self.wishes);
        let why = loop {
            tokio::select! {
                wish = outgoing.recv() => match wish {
                    Some(wish) => self.take(wish).await,
                    None => break "the driver is done".to_owned(),
                },
                wishes = wishes.take() => {
                    for message in self.futures.take(wishes, &mut self.next) {
                        self.line.say(message).await;
                    }
                }
                message = news.recv() => match message.map(|message| message.message) {
                    Some(Some(wire::to_driver::Message::Answer(answer))) => self.answered(answer).await,
                    Some(Some(message)) => self.hear(message),
                    Some(None) => {}
                    None => match self.resume(&mut end).await {
                        Ok(connected) => {
                            self.line = connected.line;
                            (news, end) = (connected.news, connected.end);
                        }
                        Err(why) => break why,
                    },
                },
            }
        };
        let reason: Arc<str> = why.as_str().into();
        self.wishes.close(&reason);
        self.futures.end(&reason);
        for state in self.jobs.values() {
            state.send_modify(|state| {
                state.end.get_or_insert_with(|| Err(JobError::Gone(why.clone())));
            });
        }
        if let Line::Seat(seat) = &self.line {
            seat.leave("the driver is done").await;
        }
    }

    /// The line is broken. What goes on where another one is found, or why it is over.
    async fn resume(&mut self, end: &mut oneshot::Receiver<String>) -> Result<Connected, String> {
        if let Some(reason) = self.ending.take() {
            return Err(reason);
        }
        let why = end.await.unwrap_or_else(|_| "it ended".to_owned());
        let Some(again) = &self.again else { return Err(why) };
        tracing::info!(why, "the connection to the application master is lost; looking for it, or for the next one");
        let connected = Connected::over(again(why.clone()).await?);
        // Queries have an outcome that only their driver can judge.
        for state in self.jobs.values() {
            state.send_modify(|state| {
                state.end.get_or_insert_with(|| Err(JobError::Gone(why.clone())));
            });
        }
        for message in self.futures.resubmit(&why) {
            connected.line.say(message).await;
        }
        for (ask, _) in self.questions.values() {
            connected.line.say(wire::from_driver::Message::Ask(ask.clone())).await;
        }
        tracing::info!("joined an application master again; what was lost is computed again");
        Ok(connected)
    }

    async fn take(&mut self, wish: Outgoing) {
        match wish {
            Outgoing::Submit { mut job, reply } => {
                job.job = self.next;
                self.next += 1;
                let (sender, state) = watch::channel(JobState::default());
                self.jobs.insert(job.job, sender);
                // Whoever asked may have gone away; the job is then released by nobody, and cancelled at our end.
                let _ = reply.send((job.job, state));
                self.line.say(wire::from_driver::Message::SubmitJob(job)).await;
            }
            Outgoing::Message(message) => self.line.say(message).await,
            Outgoing::Release(job) => self.release(job).await,
            Outgoing::Ask(asking) => self.ask(*asking).await,
            Outgoing::Withdraw(request) => {
                if self.questions.contains_key(&request) {
                    self.line.say(wire::from_driver::Message::Withdraw(request)).await;
                }
            }
        }
    }

    async fn ask(&mut self, asking: Asking) {
        let Asking { mut ask, published, reply } = asking;
        if !published.is_empty() {
            // What is asked about has to be submitted before.
            for message in self.futures.take(self.wishes.take_now(), &mut self.next) {
                self.line.say(message).await;
            }
            let entry = |claim: &Arc<Claim>| {
                let (job, task) = claim.slot.address()?;
                Some(wire::DatasetEntry { job, task, key: Bytes::copy_from_slice(&claim.slot.key.0) })
            };
            let entries: Vec<_> = published.iter().filter_map(entry).collect();
            if entries.len() < published.len() {
                let why = "a future has failed before it was submitted".to_owned();
                // Whoever asked may have gone away.
                let _ = reply.send(Answered {
                    request: ask.request,
                    answer: wire::answer::Answer::Refused(why),
                    slots: Vec::new(),
                });
                return;
            }
            match &mut ask.question {
                Some(wire::ask::Question::Publish(publish)) => {
                    publish.dataset.get_or_insert_default().entries = entries;
                }
                Some(wire::ask::Question::Explain(task)) => {
                    let address = published.first().and_then(|claim| claim.slot.address());
                    (task.job, task.task) = address.unwrap_or_default();
                }
                Some(_) | None => {}
            }
        }
        self.questions.insert(ask.request, (ask.clone(), reply));
        self.line.say(wire::from_driver::Message::Ask(ask)).await;
    }

    /// What nobody waits for any more is given back.
    async fn answered(&mut self, answer: wire::Answer) {
        let wire::Answer { request, answer } = answer;
        let (Some((ask, reply)), Some(answer)) = (self.questions.remove(&request), answer) else { return };
        let slots = match (&answer, &ask.question) {
            (wire::answer::Answer::Dataset(dataset), Some(wire::ask::Question::Open(name))) => {
                self.futures.adopt(name, &dataset.entries)
            }
            _ => Vec::new(),
        };
        let Err(Answered { answer, slots, .. }) = reply.send(Answered { request, answer, slots }) else { return };
        for message in self.futures.disown(&slots) {
            self.line.say(message).await;
        }
        let undone = match (answer, ask.question) {
            (wire::answer::Answer::Value(value), Some(wire::ask::Question::Pop(name))) => {
                Some(wire::ask::Question::PutBack(wire::Named { name, value }))
            }
            (wire::answer::Answer::Done(_), Some(wire::ask::Question::Acquire(acquire))) => {
                let release = wire::Release { name: acquire.name, lease: request };
                Some(wire::ask::Question::Release(release))
            }
            _ => None,
        };
        if undone.is_some() {
            // Its answer is for nobody: the number is that of the question that is undone.
            let ask = wire::Ask { request, question: undone, ..wire::Ask::default() };
            self.line.say(wire::from_driver::Message::Ask(ask)).await;
        }
    }

    async fn release(&mut self, job: u32) {
        let Some(state) = self.jobs.remove(&job) else { return };
        let ended = state.borrow().end.is_some();
        let message = if ended {
            wire::from_driver::Message::ReleaseJob(wire::ReleaseJob { job })
        } else {
            wire::from_driver::Message::CancelJob(wire::CancelJob { job })
        };
        self.line.say(message).await;
    }

    fn hear(&mut self, message: wire::to_driver::Message) {
        use wire::to_driver::Message;
        let Some(message) = self.futures.hear(message) else { return };
        match message {
            // A job that is no future's has no tasks that fail alone.
            Message::Heartbeat(_) | Message::ResultFailed(_) | Message::Answer(_) => {}
            Message::Ending(ending) => self.ending = Some(ending.reason),
            Message::Progress(progress) => self.change(progress.job, |state| state.progress = progress),
            Message::ResultReady(ready) => self.change(ready.job, |state| {
                state.announced += 1;
                state.results.insert(ready.task, Announced { number: state.announced, ready });
            }),
            Message::ResultLost(lost) => self.change(lost.job, |state| {
                state.results.remove(&lost.task);
            }),
            Message::JobFinished(finished) => self.change(finished.job, |state| {
                let summary = finished.summary.unwrap_or_default();
                state.progress = summary.clone();
                let notes = finished.notes.into_iter().collect();
                state.end = Some(Ok(Arc::new(Finished { notes, summary })));
            }),
            Message::JobFailed(failed) => self.change(failed.job, |state| {
                state.progress = failed.summary.unwrap_or_default();
                let (message, exit_code) = (failed.message, failed.exit_code);
                let notes = Arc::new(failed.notes.into_iter().collect());
                state.end = Some(Err(JobError::Failed { message, exit_code, notes }));
            }),
        }
    }

    fn change(&self, job: u32, edit: impl FnOnce(&mut JobState)) {
        // News of a job that was released already concerns nobody.
        if let Some(state) = self.jobs.get(&job) {
            state.send_modify(edit);
        }
    }
}

fn from_driver(message: wire::from_driver::Message) -> wire::FromDriver {
    wire::FromDriver { message: Some(message) }
}
