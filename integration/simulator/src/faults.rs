//! What goes wrong, and when: by seed.

use bobbin_core::{Event, WorkerId};

use crate::Random;

use super::clock::{Happening, MILLI, Micros, SECOND};
use super::network::Source;
use super::world::World;

/// After so long without a word the application master closes a connection (`bobbin_link::SILENCE_LIMIT_MS`).
pub(super) const SILENCE: Micros = 20 * SECOND;
/// The ResourceManager waits ten minutes for a node by default; jobs of this length would see nothing of it.
const NODE_EXPIRY: Micros = 30 * SECOND;
/// A node that died is back after this.
const REBOOT: Micros = 60 * SECOND;

/// One kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A worker's process is killed.
    WorkerDies,
    /// A node loses power, and is back later.
    NodeDies,
    /// Nothing runs on a node for so long.
    Pause(Micros),
    /// Nobody reaches a node for so long.
    Partition(Micros),
    /// The queue takes a container back.
    Preemption,
    /// What a worker says is late by so much.
    Delay(Micros),
    /// The application master's process is killed; another one starts soon.
    MasterDies,
}

/// How often what goes wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    /// A fault, and the mean time between two of them.
    pub(super) every: Vec<(Fault, Micros)>,
    /// None of these later than this.
    pub(super) until: Micros,
    /// A fault, and a moment for it.
    pub(super) once: Vec<(Fault, Micros)>,
    /// Messages of a hundred that come twice.
    pub(super) repeated: u64,
    /// Tasks of a hundred that fail at their end, and would not again.
    pub(super) transient: u64,
    /// Containers of a hundred that cannot be launched.
    pub(super) launch: u64,
}

impl Faults {
    /// Does nothing go wrong?
    pub(super) fn none(&self) -> bool {
        self.every.is_empty() && self.once.is_empty() && self.repeated + self.transient + self.launch == 0
    }

    /// When what happens.
    pub(super) fn schedule(&self, random: &mut Random) -> Vec<(Micros, Fault)> {
        let mut all: Vec<(Micros, Fault)> = self.once.iter().map(|&(fault, at)| (at, fault)).collect();
        for &(fault, mean) in &self.every {
            let mut at = 0;
            loop {
                at += random.exponential(mean as f64) as Micros + 1;
                if at > self.until {
                    break;
                }
                all.push((at, fault));
            }
        }
        all
    }
}

impl World {
    /// Something goes wrong somewhere.
    pub(super) fn fail(&mut self, fault: Fault) {
        if fault == Fault::MasterDies {
            return self.master_dies();
        }
        let alive: Vec<usize> = (0..self.workers.len()).filter(|&worker| self.workers[worker].alive).collect();
        if alive.is_empty() {
            return;
        }
        let worker = alive[self.random.below(alive.len() as u64) as usize];
        let host = self.workers[worker].host;
        self.tally.faults += 1;
        match fault {
            Fault::WorkerDies => self.kill(worker, Some(137)),
            Fault::Preemption => self.kill(worker, Some(-102)),
            Fault::Delay(most) => {
                let delay = self.random.below(most.max(1));
                let late = self.queue.now() + delay;
                self.workers[worker].heard_until = self.workers[worker].heard_until.max(late);
            }
            Fault::NodeDies => self.node_dies(host),
            Fault::Pause(span) => self.stop_for_a_while(host, span, false),
            Fault::Partition(span) => self.stop_for_a_while(host, span, true),
            Fault::MasterDies => {}
        }
    }

    fn node_dies(&mut self, host: usize) {
        if self.hosts[host].is_hurt(self.queue.now()) {
            return;
        }
        self.hosts[host].down = true;
        for worker in self.workers_on(host) {
            self.kill(worker, None);
            self.queue.after(SILENCE, Happening::Silent(worker));
        }
        self.cut_flows(host);
        self.queue.after(NODE_EXPIRY, Happening::NodeExpires(host));
        self.queue.after(REBOOT, Happening::Heals(host));
    }

    fn stop_for_a_while(&mut self, host: usize, span: Micros, cut: bool) {
        let now = self.queue.now();
        if self.hosts[host].is_hurt(now) {
            return;
        }
        let until = now + span;
        if cut {
            self.hosts[host].cut_until = until;
            self.cut_flows(host);
        } else {
            self.hosts[host].paused_until = until;
        }
        for worker in self.workers_on(host) {
            if span > SILENCE {
                self.queue.after(SILENCE, Happening::Silent(worker));
            }
        }
        self.queue.at(until, Happening::Heals(host));
    }

    fn workers_on(&self, host: usize) -> Vec<usize> {
        let there = |&worker: &usize| self.workers[worker].alive && self.workers[worker].host == host;
        (0..self.workers.len()).filter(there).collect()
    }

    /// The application master closes a connection on which nothing was said for too long.
    pub(super) fn silent(&mut self, worker: usize) {
        if !self.workers[worker].closed {
            self.workers[worker].closed = true;
            let why = "it has been silent for 20 s".to_owned();
            self.tell_core(Event::WorkerGone { worker: WorkerId(worker as u32 + 1), why });
        }
    }

    /// A node is whole again. Processes whose connection was closed meanwhile connect again, with nothing.
    pub(super) fn heal(&mut self, host: usize) {
        if std::mem::take(&mut self.hosts[host].down) {
            return self.manager.restore(host);
        }
        for worker in self.workers_on(host) {
            if self.workers[worker].closed && !self.workers[worker].seeks {
                let container = self.workers[worker].container;
                self.forget_process(worker);
                self.connect(container, host);
            }
        }
    }

    /// A process ends. With a status its node saw it, and its connections were closed; without, nobody knows.
    pub(super) fn kill(&mut self, worker: usize, status: Option<i32>) {
        if !self.workers[worker].alive {
            return;
        }
        self.forget_process(worker);
        if let Some(status) = status {
            let container = self.workers[worker].container;
            self.manager.end(container, status);
            let why = "the connection was closed".to_owned();
            self.say(worker, Event::WorkerGone { worker: WorkerId(worker as u32 + 1), why });
        }
    }

    /// All that a process was doing and keeping is gone.
    pub(super) fn forget_process(&mut self, worker: usize) {
        let row = &mut self.workers[worker];
        row.alive = false;
        row.until = Some(self.queue.now());
        let kept = std::mem::take(&mut row.results);
        let held = !kept.is_empty();
        let former = std::mem::take(&mut row.former);
        self.tally.kept -= kept.values().chain(former.values()).map(|held| held.bytes).sum::<u64>();
        row.queue.clear();
        for run in std::mem::take(&mut row.running) {
            self.tally.held += run.since.map_or(0, |since| self.queue.now() - since);
            self.stop_flows(run.run);
        }
        if !held {
            return;
        }
        let mut readers = Vec::new();
        for other in self.workers.iter().filter(|row| row.alive) {
            let reading = other.running.iter().filter(|run| run.reads_from.contains(&worker) && run.flows > 0);
            readers.extend(reading.map(|run| run.run));
        }
        for run in readers {
            self.cannot_fetch(run, 100 * MILLI);
        }
    }

    /// Nothing flows to or from this host. What reads a block reads another replica; what fetches results fails.
    fn cut_flows(&mut self, host: usize) {
        let now = self.queue.now();
        let mut cut = Vec::new();
        for (slot, transfer) in self.network.touching(host) {
            let local = transfer.from == Source::Host(host) && transfer.to == host;
            if local && !self.hosts[host].down {
                continue;
            }
            if let Some((transfer, due)) = self.network.cut(now, slot) {
                self.expect_ends(due);
                cut.push(transfer);
            }
        }
        for transfer in cut {
            let Some(row) = self.running(transfer.run) else { continue };
            row.flows = row.flows.saturating_sub(1);
            if transfer.disk {
                self.read_block(transfer.run);
            } else {
                self.cannot_fetch(transfer.run, 3 * SECOND);
            }
        }
    }
}
