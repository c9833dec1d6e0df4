//! The task that owns a driver's jobs, futures and questions: wishes go out, news come in, and a broken line is replaced
//! where that can be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bobbin_appmaster::application::DriverSeat;
use bobbin_link::{Link, Pump, SILENCE_LIMIT_MS, pump};
use bobbin_proto as wire;
use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};

use super::{Announced, Answered, Asking, Finished, INCOMING, JobError, JobState, OUTGOING, Outgoing};
use crate::futures::{Claim, FutureTable, Wish, Wishes};

/// How long what is dropped may wait for a submission that it goes along with.
const LATER: Duration = Duration::from_millis(10);

/// Finds the application again after the connection broke for this reason, or says why that is in vain.
pub(crate) type Again =
    Box<dyn Fn(String) -> BoxFuture<'static, Result<Link<wire::ToDriver, wire::FromDriver>, String>> + Send + Sync>;

/// A way to the application, what comes from there, and why it ends.
pub(super) struct Connected {
    pub line: Line,
    pub news: mpsc::Receiver<wire::ToDriver>,
    pub end: oneshot::Receiver<String>,
}

impl Connected {
    pub fn over(link: Link<wire::ToDriver, wire::FromDriver>) -> Connected {
        let (to_application, outgoing) = mpsc::channel(OUTGOING);
        let (incoming, news) = mpsc::channel(INCOMING);
        let heartbeat = from_driver(wire::from_driver::Message::Heartbeat(wire::Heartbeat {}));
        let silence = Duration::from_millis(SILENCE_LIMIT_MS.into());
        let (ended, end) = oneshot::channel();
        drop(bobbin_link::spawn(async move {
            let end = pump(link, Pump { outgoing, incoming, heartbeat, silence }, |message| message).await;
            // When nobody listens any more, nobody needs the reason.
            let _ = ended.send(end.to_string());
        }));
        Connected { line: Line::Link(to_application), news, end }
    }
}

/// The way to the application.
pub(super) enum Line {
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

pub(super) struct Conversation {
    pub line: Line,
    pub jobs: BTreeMap<u32, watch::Sender<JobState>>,
    pub futures: FutureTable,
    /// Questions that were not answered.
    pub questions: BTreeMap<u32, (wire::Ask, oneshot::Sender<Answered>)>,
    pub wishes: Arc<Wishes>,
    pub next: u32,
    pub ending: Option<String>,
    pub again: Option<Again>,
}

impl Conversation {
    pub async fn run(
        mut self,
        mut outgoing: mpsc::Receiver<Outgoing>,
        mut news: mpsc::Receiver<wire::ToDriver>,
        mut end: oneshot::Receiver<String>,
    ) {
        let wishes = Arc::clone(&self.wishes);
        let mut later = std::pin::pin!(sleep(Duration::ZERO));
        let mut attends = false;
        let why = loop {
            tokio::select! {
                wish = outgoing.recv() => match wish {
                    Some(wish) => self.take(wish).await,
                    None => break "the driver is done".to_owned(),
                },
                urgent = wishes.take() => {
                    self.grant(urgent).await;
                    if !std::mem::replace(&mut attends, true) {
                        later.as_mut().reset(Instant::now() + LATER);
                    }
                }
                () = &mut later, if attends => {
                    let rest = wishes.attend();
                    attends = !rest.is_empty();
                    self.grant(rest).await;
                    later.as_mut().reset(Instant::now() + LATER);
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

    async fn grant(&mut self, wishes: Vec<Wish>) {
        for message in self.futures.take(wishes, &mut self.next) {
            self.line.say(message).await;
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
        tracing::info!("joined an application master again; what is not found on workers is computed again");
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
            self.grant(self.wishes.take_now()).await;
            if !name_futures(&mut ask, &published) {
                let why = "a future has failed before it was submitted".to_owned();
                // Whoever asked may have gone away.
                let _ = reply.send(Answered {
                    request: ask.request,
                    answer: wire::answer::Answer::Refused(why),
                    slots: Vec::new(),
                });
                return;
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
            Message::Heartbeat(_) | Message::ResultFailed(_) | Message::Answer(_) | Message::JobAccepted(_) => {}
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

/// Put the numbers of futures into a question about them. False if one has none: it was never submitted.
fn name_futures(ask: &mut wire::Ask, futures: &[Arc<Claim>]) -> bool {
    use wire::ask::Question;
    let numbers: Vec<(u32, u32)> = futures.iter().filter_map(|claim| claim.slot.address()).collect();
    let task = |&(job, task): &(u32, u32)| wire::Task { job, task };
    match &mut ask.question {
        Some(Question::Publish(publish)) => {
            let keyed = futures.iter().zip(&numbers);
            let entry = |(claim, &(job, task)): (&Arc<Claim>, &(u32, u32))| wire::DatasetEntry {
                job,
                task,
                key: Bytes::copy_from_slice(&claim.slot.key.0),
            };
            publish.dataset.get_or_insert_default().entries = keyed.map(entry).collect();
        }
        Some(Question::Explain(asked) | Question::Story(asked)) => {
            *asked = numbers.first().map(task).unwrap_or_default()
        }
        Some(Question::Replicate(asked)) => {
            asked.results = Some(wire::Results { results: numbers.iter().map(task).collect() });
        }
        Some(Question::Detach(asked)) if numbers.len() == futures.len() => {
            futures.iter().for_each(|claim| claim.slot.detach());
            asked.tasks = numbers.iter().map(task).collect();
        }
        Some(Question::Holders(asked)) => asked.results = numbers.iter().map(task).collect(),
        Some(_) | None => {}
    }
    numbers.len() == futures.len()
}

fn from_driver(message: wire::from_driver::Message) -> wire::FromDriver {
    wire::FromDriver { message: Some(message) }
}
