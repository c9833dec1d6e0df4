//! Disks, network cards and racks' uplinks, and the bytes that flow through them.
//!
//! A flow goes through some of these. Exact max-min fairness would look at every flow whenever one begins or ends; here a
//! flow gets the smallest of the equal shares of what it goes through, so that only flows that share something with the new
//! one change. No capacity is ever exceeded; what a flow that is limited elsewhere leaves of its share is lost, so transfers
//! end later than under max-min fairness, never earlier.

use super::clock::{Micros, Run};

/// Speeds, in bytes a second.
#[derive(Clone, Copy, Debug)]
pub struct Speeds {
    /// A host's disks together.
    pub disk: f64,
    /// A host's network card, each way.
    pub card: f64,
    /// A rack's uplink, each way.
    pub uplink: f64,
}

/// One flow, until its rate changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlowId {
    pub(super) slot: usize,
    generation: u32,
}

/// Where bytes come from, as seen by who reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// This host.
    Host(usize),
    /// Very many hosts of the reader's rack. Each one's part is small: only the reader's side counts.
    Rack,
    /// Very many hosts of other racks.
    Far,
}

/// A flow to begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transfer {
    pub(super) run: Run,
    pub(super) from: Source,
    pub(super) to: usize,
    pub(super) bytes: u64,
    /// Do they come from a disk?
    pub(super) disk: bool,
}

#[derive(Clone, Debug)]
struct Flow {
    transfer: Transfer,
    through: Vec<u32>,
    left: f64,
    /// Bytes a microsecond.
    rate: f64,
    since: Micros,
    generation: u32,
}

/// A flow's new end.
pub(super) type Due = (Micros, FlowId);

/// Bytes of flows that began, and what became of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moved {
    pub(super) asked: f64,
    pub(super) done: f64,
    pub(super) cut: f64,
}

#[derive(Debug)]
pub(super) struct Network {
    racks: usize,
    hosts: usize,
    capacity: Vec<f64>,
    /// Which flows go through what.
    users: Vec<Vec<usize>>,
    flows: Vec<Option<Flow>>,
    unused: Vec<usize>,
    generation: u32,
    moved: Moved,
}

impl Network {
    pub(super) fn new(hosts: usize, racks: usize, speeds: Speeds) -> Network {
        let micro = |speed: f64| speed / 1e6;
        let per_host = [micro(speeds.disk), micro(speeds.card), micro(speeds.card)];
        let mut capacity: Vec<f64> = (0..hosts).flat_map(|_| per_host).collect();
        capacity.extend((0..racks * 2).map(|_| micro(speeds.uplink)));
        let users = vec![Vec::new(); capacity.len()];
        Network {
            racks,
            hosts,
            capacity,
            users,
            flows: Vec::new(),
            unused: Vec::new(),
            generation: 0,
            moved: Moved::default(),
        }
    }

    pub(super) fn rack_of(&self, host: usize) -> usize {
        host % self.racks
    }

    /// The disk becomes this many times slower.
    pub(super) fn slow_disk(&mut self, host: usize, times: f64) {
        self.capacity[host * 3] /= times;
    }

    #[cfg(test)]
    fn moved(&self) -> Moved {
        self.moved
    }

    /// Flows that come from or go to this host.
    pub(super) fn touching(&self, host: usize) -> Vec<(usize, Transfer)> {
        let touches = |flow: &Transfer| flow.from == Source::Host(host) || flow.to == host;
        let flows = self.flows.iter().enumerate().filter_map(|(slot, flow)| Some((slot, flow.as_ref()?.transfer)));
        flows.filter(|(_, transfer)| touches(transfer)).collect()
    }

    /// Flows of a task that runs on this host.
    pub(super) fn of_run(&self, run: Run, to: usize) -> Vec<usize> {
        let mut slots: Vec<usize> = [to * 3, to * 3 + 2].iter().flat_map(|&row| self.users[row].clone()).collect();
        slots.sort_unstable();
        slots.dedup();
        slots.retain(|&slot| self.flows[slot].as_ref().is_some_and(|flow| flow.transfer.run == run));
        slots
    }

    fn path(&self, transfer: &Transfer) -> Vec<u32> {
        let (disk, out, into) = (|host: usize| host * 3, |host: usize| host * 3 + 1, |host: usize| host * 3 + 2);
        let up = |host: usize| self.hosts * 3 + self.rack_of(host) * 2;
        let down = |host: usize| up(host) + 1;
        let mut path = Vec::new();
        match transfer.from {
            Source::Host(from) => {
                path.extend(transfer.disk.then(|| disk(from)));
                if from != transfer.to {
                    path.extend([out(from), into(transfer.to)]);
                }
                if self.rack_of(from) != self.rack_of(transfer.to) {
                    path.extend([up(from), down(transfer.to)]);
                }
            }
            Source::Rack => path.push(into(transfer.to)),
            Source::Far => path.extend([into(transfer.to), down(transfer.to)]),
        }
        path.into_iter().map(|row| row as u32).collect()
    }

    /// Bytes begin to flow. Returns every end that is another now.
    pub(super) fn begin(&mut self, now: Micros, transfer: Transfer) -> Vec<Due> {
        let through = self.path(&transfer);
        assert!(!through.is_empty(), "bytes_flow_through_something: {transfer:?}");
        let slot = self.unused.pop().unwrap_or(self.flows.len());
        self.flows.resize_with(self.flows.len().max(slot + 1), || None);
        self.moved.asked += transfer.bytes as f64;
        through.iter().for_each(|&row| self.users[row as usize].push(slot));
        let left = transfer.bytes as f64;
        let flow = Flow { transfer, through: through.clone(), left, rate: 0.0, since: now, generation: 0 };
        self.flows[slot] = Some(flow);
        self.share_again(now, &through)
    }

    /// The transfer, if it is really over.
    pub(super) fn ended(&mut self, now: Micros, flow: FlowId) -> Option<(Transfer, Vec<Due>)> {
        let row = self.flows[flow.slot].as_ref().filter(|row| row.generation == flow.generation)?;
        let left = row.left - row.rate * (now - row.since) as f64;
        assert!(left <= 1e-3, "bytes_are_conserved: {left} bytes of {:?} are left", row.transfer);
        Some(self.remove(now, flow.slot, 0.0))
    }

    /// The flow stops where it is.
    pub(super) fn cut(&mut self, now: Micros, slot: usize) -> Option<(Transfer, Vec<Due>)> {
        let row = self.flows[slot].as_ref()?;
        let left = (row.left - row.rate * (now - row.since) as f64).max(0.0);
        Some(self.remove(now, slot, left))
    }

    fn remove(&mut self, now: Micros, slot: usize, left: f64) -> (Transfer, Vec<Due>) {
        let flow = self.flows[slot].take().expect("both callers looked");
        self.unused.push(slot);
        self.moved.done += flow.transfer.bytes as f64 - left;
        self.moved.cut += left;
        for &row in &flow.through {
            let users = &mut self.users[row as usize];
            let position = users.iter().position(|&user| user == slot).expect("a flow is among the users of its path");
            users.swap_remove(position);
        }
        (flow.transfer, self.share_again(now, &flow.through))
    }

    fn share(&self, row: u32) -> f64 {
        self.capacity[row as usize] / self.users[row as usize].len() as f64
    }

    /// Everybody who goes through one of these gets the share that is due now.
    fn share_again(&mut self, now: Micros, rows: &[u32]) -> Vec<Due> {
        let mut touched: Vec<usize> = rows.iter().flat_map(|&row| self.users[row as usize].iter().copied()).collect();
        touched.sort_unstable();
        touched.dedup();
        let mut due = Vec::with_capacity(touched.len());
        for slot in touched {
            let Some(flow) = &self.flows[slot] else { continue };
            let rate = flow.through.iter().map(|&row| self.share(row)).fold(f64::INFINITY, f64::min);
            if (rate - flow.rate).abs() <= flow.rate * 1e-12 {
                continue;
            }
            self.generation = self.generation.wrapping_add(1);
            let generation = self.generation;
            let flow = self.flows[slot].as_mut().expect("it was there");
            flow.left = (flow.left - flow.rate * (now - flow.since) as f64).max(0.0);
            (flow.rate, flow.since, flow.generation) = (rate, now, generation);
            due.push((now + (flow.left / rate).ceil() as Micros, FlowId { slot, generation }));
        }
        due
    }

    /// Nothing carries more than it can.
    pub(super) fn check(&self) {
        let mut load = vec![0.0; self.capacity.len()];
        for flow in self.flows.iter().flatten() {
            flow.through.iter().for_each(|&row| load[row as usize] += flow.rate);
        }
        for (row, (load, capacity)) in load.iter().zip(&self.capacity).enumerate() {
            assert!(*load <= capacity * 1.000_001, "no_capacity_is_exceeded: {row} carries {load} of {capacity}");
        }
    }

    /// Every byte that was asked for arrived, or its flow was cut; and nothing flows any more.
    pub(super) fn check_end(&self) {
        assert!(self.flows.iter().all(Option::is_none), "nothing_is_left_at_the_end: flows");
        let Moved { asked, done, cut } = self.moved;
        assert!((asked - done - cut).abs() <= asked * 1e-9 + 1.0, "bytes_are_conserved: {:?}", self.moved);
    }
}

#[cfg(test)]
mod tests {
    use bobbin_core::TaskId;

    use super::*;

    const SPEEDS: Speeds = Speeds { disk: 100e6, card: 1000e6, uplink: 1000e6 };

    fn transfer(from: usize, to: usize) -> Transfer {
        let run = Run { worker: 0, task: TaskId(0), attempt: 1 };
        Transfer { run, from: Source::Host(from), to, bytes: 100_000_000, disk: true }
    }

    #[test]
    fn two_readers_of_a_disk_get_half_each() {
        let mut network = Network::new(4, 2, SPEEDS);
        let due = network.begin(0, transfer(0, 0));
        assert_eq!(due.iter().map(|due| due.0).collect::<Vec<_>>(), [1_000_000]);
        let due = network.begin(500_000, transfer(0, 1));
        assert_eq!(due.iter().map(|due| due.0).collect::<Vec<_>>(), [1_500_000, 2_500_000]);
        network.check();
        let (_, later) = network.ended(1_500_000, due[0].1).unwrap();
        assert_eq!(later.iter().map(|due| due.0).collect::<Vec<_>>(), [2_000_000]);
        assert!(network.ended(2_500_000, due[1].1).is_none(), "the rate has changed since");
        network.ended(2_000_000, later[0].1).unwrap();
        network.check_end();
    }

    #[test]
    fn a_cut_flow_leaves_its_bytes() {
        let mut network = Network::new(4, 2, SPEEDS);
        network.begin(0, transfer(0, 1));
        network.cut(400_000, 0).unwrap();
        network.check_end();
        assert!((network.moved().cut - 60_000_000.0).abs() < 1.0);
    }
}
