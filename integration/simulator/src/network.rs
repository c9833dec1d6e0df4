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
    through: Path,
    left: f64,
    /// Bytes a microsecond.
    rate: f64,
    since: Micros,
    /// When it ends, as things are.
    end: Micros,
    /// When it is looked at: never after its end.
    look: Micros,
    generation: u32,
}

/// When to look at a flow again, whether it has ended.
pub(super) type Due = (Micros, FlowId);

/// What a flow goes through, five things at most.
#[derive(Clone, Copy, Debug, Default)]
struct Path {
    rows: [u32; 5],
    length: usize,
}

impl Path {
    fn push(&mut self, row: usize) {
        self.rows[self.length] = row as u32;
        self.length += 1;
    }

    fn rows(&self) -> &[u32] {
        &self.rows[..self.length]
    }
}

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
    /// Nothing, between two calls.
    touched: Vec<usize>,
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
            touched: Vec::new(),
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

    fn path(&self, transfer: &Transfer) -> Path {
        let (disk, out, into) = (|host: usize| host * 3, |host: usize| host * 3 + 1, |host: usize| host * 3 + 2);
        let up = |host: usize| self.hosts * 3 + self.rack_of(host) * 2;
        let down = |host: usize| up(host) + 1;
        let mut path = Path::default();
        match transfer.from {
            Source::Host(from) => {
                if transfer.disk {
                    path.push(disk(from));
                }
                if from != transfer.to {
                    [out(from), into(transfer.to)].into_iter().for_each(|row| path.push(row));
                }
                if self.rack_of(from) != self.rack_of(transfer.to) {
                    [up(from), down(transfer.to)].into_iter().for_each(|row| path.push(row));
                }
            }
            Source::Rack => path.push(into(transfer.to)),
            Source::Far => [into(transfer.to), down(transfer.to)].into_iter().for_each(|row| path.push(row)),
        }
        path
    }

    /// Bytes begin to flow. Returns which flows to look at when.
    pub(super) fn begin(&mut self, now: Micros, transfer: Transfer) -> Vec<Due> {
        let through = self.path(&transfer);
        assert!(through.length > 0, "bytes_flow_through_something: {transfer:?}");
        let slot = self.unused.pop().unwrap_or(self.flows.len());
        self.flows.resize_with(self.flows.len().max(slot + 1), || None);
        self.moved.asked += transfer.bytes as f64;
        through.rows().iter().for_each(|&row| self.users[row as usize].push(slot));
        let left = transfer.bytes as f64;
        let (end, look) = (Micros::MAX, Micros::MAX);
        self.flows[slot] = Some(Flow { transfer, through, left, rate: 0.0, since: now, end, look, generation: 0 });
        self.share_again(now, through)
    }

    /// The transfer, if it is over, and which flows to look at when.
    pub(super) fn look(&mut self, now: Micros, flow: FlowId) -> (Option<Transfer>, Vec<Due>) {
        let Some(row) = self.flows[flow.slot].as_mut().filter(|row| row.generation == flow.generation) else {
            return (None, Vec::new());
        };
        if row.end > now {
            // It has become slower since.
            row.look = row.end;
            return (None, vec![(row.end, flow)]);
        }
        let left = row.left - row.rate * (now - row.since) as f64;
        assert!(left <= 1e-3, "bytes_are_conserved: {left} bytes of {:?} are left", row.transfer);
        let (transfer, due) = self.remove(now, flow.slot, 0.0);
        (Some(transfer), due)
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
        for &row in flow.through.rows() {
            let users = &mut self.users[row as usize];
            let position = users.iter().position(|&user| user == slot).expect("a flow is among the users of its path");
            users.swap_remove(position);
        }
        (flow.transfer, self.share_again(now, flow.through))
    }

    fn share(&self, row: u32) -> f64 {
        self.capacity[row as usize] / self.users[row as usize].len() as f64
    }

    /// Everybody who goes through one of these gets the share that is due now.
    fn share_again(&mut self, now: Micros, rows: Path) -> Vec<Due> {
        let mut touched = std::mem::take(&mut self.touched);
        touched.extend(rows.rows().iter().flat_map(|&row| self.users[row as usize].iter().copied()));
        if rows.length > 1 {
            touched.sort_unstable();
            touched.dedup();
        }
        let mut due = Vec::new();
        for slot in touched.drain(..) {
            let Some(flow) = &self.flows[slot] else { continue };
            let rate = flow.through.rows().iter().map(|&row| self.share(row)).fold(f64::INFINITY, f64::min);
            if (rate - flow.rate).abs() > flow.rate * 1e-12 {
                due.extend(self.set_rate(now, slot, rate));
            }
        }
        self.touched = touched;
        due
    }

    /// A flow that becomes slower is looked at when it would have ended, and then again.
    fn set_rate(&mut self, now: Micros, slot: usize, rate: f64) -> Option<Due> {
        let flow = self.flows[slot].as_mut()?;
        flow.left = (flow.left - flow.rate * (now - flow.since) as f64).max(0.0);
        (flow.rate, flow.since) = (rate, now);
        flow.end = now + (flow.left / rate).ceil() as Micros;
        if flow.end >= flow.look {
            return None;
        }
        self.generation = self.generation.wrapping_add(1);
        (flow.look, flow.generation) = (flow.end, self.generation);
        Some((flow.end, FlowId { slot, generation: flow.generation }))
    }

    /// Nothing carries more than it can.
    pub(super) fn check(&self) {
        let mut load = vec![0.0; self.capacity.len()];
        for flow in self.flows.iter().flatten() {
            flow.through.rows().iter().for_each(|&row| load[row as usize] += flow.rate);
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

    fn times(due: &[Due]) -> Vec<Micros> {
        due.iter().map(|due| due.0).collect()
    }

    #[test]
    fn two_readers_of_a_disk_get_half_each() {
        let mut network = Network::new(4, 2, SPEEDS);
        let first = network.begin(0, transfer(0, 0));
        assert_eq!(times(&first), [1_000_000]);
        let second = network.begin(500_000, transfer(0, 1));
        assert_eq!(times(&second), [2_500_000], "the first is slower now, and looked at later");
        network.check();
        let (over, again) = network.look(1_000_000, first[0].1);
        assert_eq!((over.is_none(), times(&again)), (true, vec![1_500_000]));
        let (over, later) = network.look(1_500_000, again[0].1);
        assert_eq!((over.is_some(), times(&later)), (true, vec![2_000_000]));
        assert!(network.look(2_000_000, later[0].1).0.is_some());
        assert!(network.look(2_500_000, second[0].1).0.is_none(), "its end has become another");
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
