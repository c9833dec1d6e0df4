//! Where a task's inputs come from: this worker's own store, or peers.
//!
//! Inputs are read in the order in which the task numbers them. Each peer is asked once for all that it holds of them,
//! and sends it in the same order, ahead of the reader as far as a short queue goes:
//!
//! ```text
//!   inputs 0 1 2 3 4 5      peer A ==[0][2][5]==> queue \
//!   held by A B A - B A     peer B ==[1][4]=====> queue --> reader: 0 1 2 3 4 5
//!                           own store --------------[3] /
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use bobbin_proto as wire;
use bobbin_task::{InputError, Inputs, LostInput, Piece};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc;

use crate::peers::{Delivery, Peers, Pool, Transfer, describe};
use crate::store::{ResultStore, StoredReader};

/// Deliveries of one peer that wait for the task that reads them.
const AHEAD: usize = 8;

/// The inputs of one task. Cheap to clone.
#[derive(Clone)]
pub(crate) struct TaskInputs {
    pub order: Arc<InputList>,
    /// Our own number among the holders.
    pub own: u32,
    /// The application master that numbers tasks.
    pub master: u32,
    pub store: ResultStore,
    pub peers: Peers,
    pub pool: Arc<Pool>,
    /// Bytes that came from peers.
    pub fetched: Arc<AtomicU64>,
    /// Tasks whose results were not given to us.
    pub lost: Arc<Lost>,
}

/// What the application master says of a task's inputs.
#[derive(Debug, Default)]
pub(crate) struct InputList {
    pub inputs: Vec<wire::Input>,
    pub holders: Vec<wire::Holder>,
    /// Who else has some of them.
    pub copies: Vec<wire::Copy>,
}

/// Tasks whose results cannot be fetched.
#[derive(Debug, Default)]
pub(crate) struct Lost(Mutex<BTreeSet<u32>>);

/// One result that is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Its number among the task's inputs.
    pub index: usize,
    /// Whose result.
    pub task: u32,
    pub part: u32,
    /// Its holder's place in the list; [`wire::NO_HOLDER`] where the task was skipped and its result has no rows.
    holder: u32,
    /// Does a peer send it? Else it is here.
    asked: bool,
}

impl Wanted {
    /// Nobody needed its rows, and nobody has them.
    fn is_skipped(&self) -> bool {
        self.holder == wire::NO_HOLDER
    }
}

impl Lost {
    /// These, too.
    pub fn add(&self, tasks: impl IntoIterator<Item = u32>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(tasks);
    }

    /// All of them, in order.
    pub fn all(&self) -> Vec<u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

impl InputList {
    /// These of the inputs, in order. Fewer if there are not so many.
    fn wanted(&self, range: Range<usize>) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        let mut start = 0;
        for input in &self.inputs {
            let end = start + input.holders.len();
            for index in range.start.max(start)..range.end.min(end) {
                let holder = input.holders[index - start];
                // A task beyond the last number is of nobody, and so is not found.
                let task = input.first.saturating_add((index - start) as u32);
                wanted.push(Wanted { index, task, part: input.part, holder, asked: false });
            }
            start = end;
        }
        wanted
    }

    /// The workers that have the results of these tasks, too.
    fn others(&self, tasks: &[u32]) -> BTreeMap<u32, Vec<wire::Holder>> {
        let mut others: BTreeMap<u32, Vec<wire::Holder>> = BTreeMap::new();
        for copy in self.copies.iter().filter(|copy| tasks.contains(&copy.task)) {
            others.entry(copy.task).or_default().extend(self.holders.get(copy.holder as usize).cloned());
        }
        others
    }

    /// The task whose result this input is.
    pub fn task(&self, index: usize) -> Option<u32> {
        Some(self.wanted(index..index + 1).first()?.task)
    }
}

impl Inputs for TaskInputs {
    fn fetch(&self, inputs: Range<usize>) -> BoxStream<'static, Result<Piece, LostInput>> {
        let mut wanted = self.order.wanted(inputs.clone());
        if wanted.len() < inputs.len() {
            let index = inputs.start + wanted.len();
            let none = LostInput { index, source: InputError::NotGiven(index) };
            return futures::stream::iter([Err(none)]).boxed();
        }
        let queues = self.ask_peers(&mut wanted);
        let reading = Reading { wanted: wanted.into_iter(), current: None, queues, store: self.store.clone() };
        futures::stream::unfold(reading, |mut reading| async move {
            let piece = reading.next().await?;
            Some((piece, reading))
        })
        .boxed()
    }
}

/// Of whom, and which part.
type Queue = (u32, u32);

impl TaskInputs {
    /// Asks each peer for all that it holds of these and we do not.
    fn ask_peers(&self, wanted: &mut [Wanted]) -> BTreeMap<Queue, mpsc::Receiver<Delivery>> {
        let mut by_peer: BTreeMap<Queue, Vec<u32>> = BTreeMap::new();
        let is_elsewhere = |row: &Wanted| !row.is_skipped() && self.store.open(row.task, row.part).is_err();
        for row in wanted.iter_mut().filter(|row| is_elsewhere(row)) {
            row.asked = true;
            by_peer.entry((row.holder, row.part)).or_default().push(row.task);
        }
        by_peer.into_iter().map(|((holder, part), tasks)| ((holder, part), self.ask(holder, part, tasks))).collect()
    }

    fn ask(&self, holder: u32, part: u32, tasks: Vec<u32>) -> mpsc::Receiver<Delivery> {
        let (deliveries, receiver) = mpsc::channel(AHEAD);
        let holder = self.order.holders.get(holder as usize).filter(|holder| holder.worker != self.own).cloned();
        let transfer = Transfer {
            holder,
            others: self.order.others(&tasks),
            tasks,
            part,
            master: self.master,
            connector: self.peers.connector.clone(),
            pool: self.pool.clone(),
            fetched: self.fetched.clone(),
            lost: self.lost.clone(),
            deliveries,
        };
        self.peers.io.spawn(transfer.run());
        receiver
    }
}

/// A reader on its way through its inputs.
struct Reading {
    wanted: std::vec::IntoIter<Wanted>,
    /// The input that is being read, and its reader if it is here.
    current: Option<(Wanted, Option<StoredReader>)>,
    queues: BTreeMap<Queue, mpsc::Receiver<Delivery>>,
    store: ResultStore,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Piece, LostInput>> {
        loop {
            let wanted = match self.current {
                Some((wanted, _)) => wanted,
                None => self.begin()?,
            };
            let index = wanted.index;
            let next = match &mut self.current {
                Some((_, Some(reader))) => reader.chunk().await.map_err(|error| describe(&error)),
                Some((_, None)) | None => self.receive(wanted).await,
            };
            match next {
                Ok(Some(bytes)) => return Some(Ok(Piece { index, bytes })),
                Ok(None) => self.current = None,
                Err(why) => return Some(Err(LostInput { index, source: InputError::Lost(why) })),
            }
        }
    }

    /// Goes on to the next input that has rows.
    fn begin(&mut self) -> Option<Wanted> {
        let wanted = self.wanted.by_ref().find(|wanted| !wanted.is_skipped())?;
        let reader = if wanted.asked { None } else { self.store.open(wanted.task, wanted.part).ok() };
        self.current = Some((wanted, reader));
        Some(wanted)
    }

    async fn receive(&mut self, wanted: Wanted) -> Result<Option<Bytes>, String> {
        let queue = self.queues.get_mut(&(wanted.holder, wanted.part)).filter(|_| wanted.asked);
        let Some(queue) = queue else { return Err(format!("the result of task {} was dropped here", wanted.task)) };
        match queue.recv().await {
            Some(Delivery::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Delivery::End) => Ok(None),
            Some(Delivery::Lost(why)) => Err(why),
            None => Err("the transfer ended early".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> InputList {
        let input = |first, part, holders: &[u32]| wire::Input { first, part, holders: holders.to_vec() };
        InputList {
            inputs: vec![input(10, 0, &[0, 1]), input(50, 3, &[]), input(20, 7, &[1, 0, 1])],
            ..InputList::default()
        }
    }

    #[test]
    fn inputs_are_numbered_through_all_ranges() {
        let wanted = list().wanted(1..4);
        let brief: Vec<_> = wanted.iter().map(|row| (row.index, row.task, row.part, row.holder)).collect();
        assert_eq!(brief, [(1, 11, 0, 1), (2, 20, 7, 1), (3, 21, 7, 0)]);
        assert_eq!((list().task(4), list().task(5)), (Some(22), None));
    }
}
