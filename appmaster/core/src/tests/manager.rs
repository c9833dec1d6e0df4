//! YARN, as far as the core can tell: nodes, requests as the ResourceManager keeps them, containers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::rng::Rng;
use crate::{AskRow, Capability, ContainerId, Event, Grant, Node, Place, RequestId};

/// One node with so many free containers.
#[derive(Debug)]
pub struct SimNode {
    pub host: String,
    pub rack: String,
    pub alive: bool,
    pub free: u32,
}

/// How far a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimStage {
    /// The core may have heard of it, or soon will.
    Granted,
    Launched,
    /// It runs, or ran, a worker.
    Connected,
    Over,
}

#[derive(Debug)]
pub struct SimContainer {
    pub node: usize,
    pub stage: SimStage,
    pub released: bool,
}

/// The simulated YARN.
#[derive(Debug, Default)]
pub struct Manager {
    pub nodes: Vec<SimNode>,
    pub asks: BTreeMap<RequestId, BTreeMap<Place, (u32, bool)>>,
    pub containers: BTreeMap<ContainerId, SimContainer>,
    /// Containers whose grants wait in the outbox, and the requests that were counted down for them.
    pub granting: BTreeMap<ContainerId, RequestId>,
    pub refused: BTreeSet<String>,
    outbox: VecDeque<Event>,
}

impl Manager {
    /// So many nodes in two racks.
    pub fn new(nodes: u64) -> Manager {
        let node =
            |index: u64| SimNode { host: format!("w{index}"), rack: format!("/r{}", index % 2), alive: true, free: 2 };
        Manager { nodes: (0..nodes).map(node).collect(), ..Manager::default() }
    }

    /// What the ResourceManager says of its nodes.
    pub fn node_report(&self) -> Event {
        let node = |node: &SimNode| Node {
            host: node.host.clone(),
            rack: node.rack.clone(),
            aliases: vec![node.host.replace('w', "10.0.0.")],
            total: Capability { memory_mb: 4096, cores: 4 },
            usable: node.alive,
        };
        Event::NodesKnown { nodes: self.nodes.iter().map(node).collect() }
    }

    /// Rows of an allocate call: absolute totals.
    pub fn ask(&mut self, rows: &[AskRow]) {
        for row in rows {
            let request = self.asks.entry(row.request).or_default();
            request.insert(row.place.clone(), (row.count, row.relax_locality));
            if request.values().all(|&(count, _)| count == 0) {
                self.asks.remove(&row.request);
            }
        }
    }

    /// Containers that are asked for in all.
    pub fn asked(&self, request: RequestId) -> u32 {
        self.asks.get(&request).and_then(|rows| rows.get(&Place::Any)).map_or(0, |&(count, _)| count)
    }

    /// Where the rows of a request allow a container, as CapacityScheduler reads them: a relaxed rack row means nothing
    /// under a `*` row that is not.
    fn allowed(&self, request: RequestId, node: &SimNode) -> bool {
        let Some(rows) = self.asks.get(&request) else { return false };
        let row = |place: Place| rows.get(&place).copied().unwrap_or((0, true));
        let (host, _) = row(Place::Host(node.host.as_str().into()));
        let (rack, _) = row(Place::Rack(node.rack.as_str().into()));
        let (any, any_relaxed) = row(Place::Any);
        any > 0 && (any_relaxed || rack > 0 && host > 0)
    }

    /// Grant what can be granted, each request with this chance.
    pub fn schedule(&mut self, rng: &mut Rng, percent: u64) {
        for request in self.asks.keys().copied().collect::<Vec<_>>() {
            let fits = |&index: &usize| {
                let node = &self.nodes[index];
                node.alive && node.free > 0 && !self.refused.contains(&node.host) && self.allowed(request, node)
            };
            let nodes: Vec<usize> = (0..self.nodes.len()).filter(fits).collect();
            if let Some(node) = rng.pick(&nodes).filter(|_| rng.chance(percent)) {
                let named = (!rng.chance(5)).then_some(request);
                let container = self.grant(node, named);
                self.count_down(request);
                self.granting.insert(container, request);
            }
        }
    }

    fn count_down(&mut self, request: RequestId) {
        if let Some(rows) = self.asks.get_mut(&request) {
            rows.values_mut().for_each(|(count, _)| *count = count.saturating_sub(1));
            if rows.values().all(|&(count, _)| count == 0) {
                self.asks.remove(&request);
            }
        }
    }

    /// A container that answers this request, or none that was ever made.
    pub fn grant(&mut self, node: usize, request: Option<RequestId>) -> ContainerId {
        let container = ContainerId(self.containers.len() as u64 + 1);
        self.nodes[node].free = self.nodes[node].free.saturating_sub(1);
        self.containers.insert(container, SimContainer { node, stage: SimStage::Granted, released: false });
        let grant =
            Grant { container, host: self.nodes[node].host.clone(), request, capability: Capability::default() };
        self.outbox.push_back(Event::ContainersGranted { grants: vec![grant] });
        container
    }

    /// The container is over; the core will hear it with a later heartbeat.
    pub fn end(&mut self, container: ContainerId, exit_status: i32) {
        let Some(row) = self.containers.get_mut(&container) else { return };
        if row.stage != SimStage::Over {
            row.stage = SimStage::Over;
            self.nodes[row.node].free += 1;
            let diagnostics = "sim".into();
            self.outbox.push_back(Event::ContainerCompleted { container, exit_status, diagnostics });
        }
    }

    /// The next thing that a heartbeat brings.
    pub fn heartbeat(&mut self) -> Option<Event> {
        let event = self.outbox.pop_front()?;
        if let Some(container) = granted_in(&event) {
            self.granting.remove(&container);
        }
        Some(event)
    }

    /// Everything outstanding is forgotten; grants that were not fetched are lost, and their containers expire.
    pub fn forget(&mut self) {
        self.asks.clear();
        self.granting.clear();
        let granted: Vec<_> = self.outbox.iter().filter_map(granted_in).collect();
        self.outbox.retain(|event| granted_in(event).is_none());
        for container in granted {
            if let Some(row) = self.containers.get_mut(&container) {
                row.stage = SimStage::Over;
                self.nodes[row.node].free += 1;
            }
        }
    }

    /// Containers in this stage.
    pub fn in_stage(&self, stage: SimStage) -> Vec<ContainerId> {
        self.containers.iter().filter(|(_, row)| row.stage == stage).map(|(&id, _)| id).collect()
    }
}

fn granted_in(event: &Event) -> Option<ContainerId> {
    let Event::ContainersGranted { grants } = event else { return None };
    grants.first().map(|grant| grant.container)
}
