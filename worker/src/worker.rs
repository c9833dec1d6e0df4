//! The worker's loop: orders in, reports out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bobbin_link::Strand;
use bobbin_proto as wire;
use bobbin_proto::to_worker::Message as Order;
use bobbin_task::{TaskError, TaskErrorKind};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::warn;

use crate::ahead::{Ahead, ReadAhead};
use crate::attempt::{Attempt, Key, failed};
use crate::cancellation::{Cancellation, GRACE};
use crate::copying::Copying;
use crate::executors::Executors;
use crate::inputs::{InputList, Lost, TaskInputs};
use crate::pauses::PauseBox;
use crate::peers::{Peers, Pool};
use crate::store::ResultStore;
use crate::threads::{Leisure, TaskThreads, Tell, Work};

/// Reports that wait to be sent.
pub(crate) const REPORTS: usize = 1024;
/// Of the memory for results so many times as much as for what tasks read ahead.
const AHEAD: usize = 4;
/// How long a worker that ends waits for its tasks to notice. What has not by then ends with the process.
const PARTING: Duration = Duration::from_secs(5);

/// What a worker needs. Cheap to clone.
#[derive(Clone)]
pub struct WorkerOptions {
    /// Task threads.
    pub threads: u32,
    /// Our host, for messages.
    pub host: String,
    /// Run tasks, by their kinds.
    pub executors: Executors,
    /// Keeps results.
    pub store: ResultStore,
    /// Reaches other workers.
    pub peers: Peers,
}

/// Why a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was told to.
    Stopped,
    /// Nobody gives orders any more.
    Abandoned,
}

/// Runs tasks until it is told to stop.
pub struct Worker {
    options: WorkerOptions,
    threads: TaskThreads,
    running: BTreeMap<Key, Cancellation>,
    /// Attempts that were told to stop and still compute: they were reported, and their threads have stand-ins.
    abandoned: BTreeSet<Key>,
    /// Attempts that wait for others; their threads have stand-ins.
    waiting: BTreeSet<Key>,
    pauses: PauseBox,
    ahead: ReadAhead,
    pool: Arc<Pool>,
    /// Our number in the application; tells our own results from others'.
    id: u32,
    /// The application master that numbers tasks.
    master: u32,
}

type Report = wire::from_worker::Message;

/// How attempts reach the worker's loop.
struct Ways {
    /// They have ended.
    done: mpsc::Sender<(Key, Report)>,
    /// They were told to stop, and do not.
    stuck: mpsc::Sender<(Key, TaskError)>,
    /// Copies of others' results were made, or were not.
    copied: mpsc::Sender<Report>,
    /// Where the loop goes on.
    strand: Option<Strand>,
}

/// Puts an ended attempt's report where the loop finds it. A thread that has nothing else to do takes the loop on itself.
fn tell(done: mpsc::Sender<(Key, Report)>, strand: Option<Strand>, ended: (Key, Report)) -> Tell {
    Box::new(move |leisure| {
        // A worker that ends takes no reports any more.
        let put = || match done.try_send(ended) {
            Err(mpsc::error::TrySendError::Full(ended)) => Some(ended),
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => None,
        };
        let left = match strand.filter(|_| leisure == Leisure::Some) {
            Some(strand) => strand.follow(put),
            None => put(),
        };
        if let Some(ended) = left {
            let _ = done.blocking_send(ended);
        }
    })
}

/// False if nobody takes reports any more.
async fn send_all(to: &mpsc::Sender<wire::FromWorker>, reports: Vec<Report>) -> bool {
    for report in reports {
        if to.send(wire::FromWorker { message: Some(report) }).await.is_err() {
            return false;
        }
    }
    true
}

impl Worker {
    /// A worker whose threads are up, with its number and that of its application master.
    ///
    /// # Errors
    /// When the operating system gives no threads.
    pub fn start(options: WorkerOptions, (id, master): (u32, u32)) -> std::io::Result<Self> {
        let threads = TaskThreads::start(options.threads)?;
        options.store.serve(master);
        let ahead = ReadAhead::new((options.store.budget() / AHEAD) as u64, options.peers.io.clone());
        Ok(Worker {
            options,
            threads,
            running: BTreeMap::new(),
            abandoned: BTreeSet::new(),
            waiting: BTreeSet::new(),
            pauses: PauseBox::default(),
            ahead,
            pool: Arc::default(),
            id,
            master,
        })
    }

    /// Takes orders until [`wire::Stop`] comes or the channel closes; what runs then is cancelled.
    pub async fn run(
        mut self,
        orders: mpsc::Receiver<wire::ToWorker>,
        reports: mpsc::Sender<wire::FromWorker>,
    ) -> Ending {
        let ending = self.follow(orders, reports).await;
        self.part().await;
        ending
    }

    /// Takes orders until [`wire::Stop`] comes or the channel closes; what runs then runs on, and leaves results, of which
    /// nobody hears.
    pub(crate) async fn follow(
        &mut self,
        mut orders: mpsc::Receiver<wire::ToWorker>,
        reports: mpsc::Sender<wire::FromWorker>,
    ) -> Ending {
        let (done, mut finished) = mpsc::channel(REPORTS);
        let (stuck, mut abandoned) = mpsc::channel(REPORTS);
        let (copied, mut copies) = mpsc::channel(REPORTS);
        let ways = Ways { done, stuck, copied, strand: Strand::here() };
        let pauses = self.pauses.clone();
        loop {
            let report: Vec<Report> = tokio::select! {
                order = orders.recv() => match order.map(|order| order.message) {
                    Some(Some(Order::Stop(_))) => return Ending::Stopped,
                    Some(Some(order)) => self.obey(order, &ways).into_iter().collect(),
                    Some(None) => {
                        warn!("the application master sent an empty order");
                        Vec::new()
                    }
                    None => return Ending::Abandoned,
                },
                Some((key, report)) = finished.recv() => self.ended(key, report).into_iter().collect(),
                Some(report) = copies.recv() => vec![report],
                Some((key, error)) = abandoned.recv() => self.abandon(key, error).into_iter().collect(),
                said = pauses.take() => said.into_iter().filter_map(|(key, waits)| self.pause(key, waits)).collect(),
            };
            if !send_all(&reports, report).await {
                return Ending::Abandoned;
            }
        }
    }

    /// An attempt has ended. What was abandoned has been reported already.
    fn ended(&mut self, key: Key, report: Report) -> Option<Report> {
        if self.abandoned.remove(&key) {
            self.threads.give_back();
            return None;
        }
        if self.waiting.remove(&key) {
            self.threads.give_back();
        }
        self.running.remove(&key).map(|_| report)
    }

    /// An attempt does not stop: nobody waits for it any more.
    fn abandon(&mut self, key: Key, error: TaskError) -> Option<Report> {
        self.running.remove(&key)?;
        let (task, attempt) = key;
        warn!(task, attempt, "a task was told to stop and still computes: its thread is given up");
        self.abandoned.insert(key);
        // One that waits has a stand-in already.
        if !self.waiting.remove(&key) {
            self.threads.lend();
        }
        Some(Report::TaskFailed(failed(key, error, &InputList::default(), &Lost::default())))
    }

    /// A task waits for others, or goes on.
    fn pause(&mut self, key: Key, waits: bool) -> Option<Report> {
        // One that ended meanwhile has its thread back.
        let known = self.running.contains_key(&key) && self.waiting.contains(&key) != waits;
        if !known {
            return None;
        }
        if waits {
            self.waiting.insert(key);
            self.threads.lend();
        } else {
            self.waiting.remove(&key);
            self.threads.give_back();
        }
        let (task, attempt) = key;
        Some(Report::TaskWaits(wire::TaskWaits { task, attempt, waits }))
    }

    /// Does what is ordered; returns what is to be reported at once.
    fn obey(&mut self, order: Order, ways: &Ways) -> Option<Report> {
        match order {
            Order::RunTask(task) => return self.start_task(task, ways),
            Order::CancelTask(cancel) => {
                if let Some(running) = self.running.get(&(cancel.task, cancel.attempt)) {
                    running.cancel();
                }
            }
            Order::CopyResult(order) => self.copy(order, ways),
            Order::DropResults(drop) => self.options.store.drop_results(&drop.tasks),
            Order::AdoptResults(wanted) => return Some(Report::ResultsAdopted(self.adopt(&wanted))),
            Order::DropFormer(_) => self.options.store.drop_former(),
            Order::Heartbeat(_) | Order::Stop(_) => {}
        }
        None
    }

    /// Fetches another worker's result, and reports when it is here.
    fn copy(&self, order: wire::CopyResult, ways: &Ways) {
        let copying = Copying {
            order,
            master: self.master,
            store: self.options.store.clone(),
            peers: self.options.peers.clone(),
            pool: self.pool.clone(),
        };
        let copied = ways.copied.clone();
        let io = self.options.peers.io.clone();
        // What does not fit into memory is written to a file: not where links are served.
        self.options.peers.io.spawn_blocking(move || {
            let report = copying.report(&io);
            // A worker that ends takes no reports any more.
            let _ = copied.blocking_send(report);
        });
    }

    /// Keeps results of a former application master as those of our tasks.
    fn adopt(&self, wanted: &wire::AdoptResults) -> wire::ResultsAdopted {
        let adopt = |(&former, &task): (&u32, &u32)| {
            let found = self.options.store.adopt((wanted.master, former), task);
            let (result_bytes, result_rows) = found.unwrap_or_default();
            wire::AdoptedResult { task, found: found.is_some(), result_bytes, result_rows }
        };
        wire::ResultsAdopted { results: wanted.former.iter().zip(&wanted.tasks).map(adopt).collect() }
    }

    /// Queues the task for a thread; returns the report of its refusal.
    fn start_task(&mut self, mut order: wire::RunTask, ways: &Ways) -> Option<Report> {
        let key = (order.task, order.attempt);
        let cancellation = Cancellation::new(key, ways.stuck.clone(), (self.options.peers.io.clone(), GRACE));
        let inputs = TaskInputs {
            order: Arc::new(InputList {
                inputs: std::mem::take(&mut order.inputs),
                holders: std::mem::take(&mut order.holders),
                copies: std::mem::take(&mut order.copies),
            }),
            own: self.id,
            master: self.master,
            store: self.options.store.clone(),
            peers: self.options.peers.clone(),
            pool: self.pool.clone(),
            fetched: Arc::default(),
            lost: Arc::default(),
        };
        let ahead = self.read_ahead(&order, &cancellation);
        let attempt = Attempt {
            order,
            inputs,
            ahead,
            cancellation: cancellation.clone(),
            executors: self.options.executors.clone(),
            store: self.options.store.clone(),
            host: self.options.host.clone(),
            pauses: self.pauses.of(key),
        };
        let (done, strand, over) = (ways.done.clone(), ways.strand.clone(), cancellation.clone());
        let work: Work = Box::new(move || {
            Box::pin(async move {
                let report = attempt.report().await;
                over.end();
                tell(done, strand, (key, report))
            })
        });
        if self.threads.submit(work).is_err() {
            let message = format!("worker on {} has too many tasks waiting", self.options.host);
            let error = TaskError { kind: TaskErrorKind::Transient, message, exit_code: 0 };
            return Some(Report::TaskFailed(failed(key, error, &InputList::default(), &Lost::default())));
        }
        self.running.insert(key, cancellation);
        None
    }

    /// Reads for a task that has to wait for a thread.
    fn read_ahead(&self, order: &wire::RunTask, cancellation: &Cancellation) -> Option<Ahead> {
        let busy = self.running.len().saturating_sub(self.waiting.len());
        if order.input_bytes == 0 || busy < self.options.threads as usize {
            return None;
        }
        let executor = self.options.executors.of(order.kind).ok()?;
        let read = executor.read_ahead(&order.shared, &order.body, &cancellation.flag())?;
        self.ahead.begin(order.input_bytes, read)
    }

    /// Cancels what runs and waits, but not for ever, until it has ended.
    pub(crate) async fn part(self) {
        for running in self.running.values() {
            running.cancel();
        }
        let (threads, (gone, all_gone)) = (self.threads, oneshot::channel());
        // A plain thread: a runtime that ends would wait for one of its own.
        let joining = std::thread::Builder::new().name("join".to_owned()).spawn(move || {
            drop(threads);
            // Nobody waits after the limit.
            let _ = gone.send(());
        });
        if joining.is_ok() && timeout(PARTING, all_gone).await.is_err() {
            warn!(limit = ?PARTING, "tasks did not stop in time");
        }
    }
}
