//! YARN's ResourceManager and NodeManagers: containers are granted when a node calls, and heard of when the application
//! master calls.
//!
//! As CapacityScheduler does it: a request is served on a node if its `*` row is relaxed, or its host and rack rows allow
//! the node; of the requests that name no place, a node gets one at each call.

use std::collections::{BTreeMap, BTreeSet};

use bobbin_core::{AskRow, Capability, ContainerId, Event, Grant, Node, Place, RequestId};

use super::placement::Racks;
use super::plan::host_name;

/// Memory of a container; a node offers so many times as much.
pub(super) const SIZE: Capability = Capability { memory_mb: 2048, cores: 4 };

/// How far a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Granted,
    Launched,
    Over,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Container {
    pub(super) host: usize,
    pub(super) stage: Stage,
    pub(super) released: bool,
}

#[derive(Clone, Debug, Default)]
struct NodeState {
    free: u32,
    up: bool,
    /// Containers whose end the node has yet to report.
    ended: Vec<(ContainerId, i32)>,
}

#[derive(Debug)]
pub(super) struct Manager {
    racks: Racks,
    slots: u32,
    nodes: Vec<NodeState>,
    asks: BTreeMap<RequestId, BTreeMap<Place, (u32, bool)>>,
    /// Requests that name a host, by host.
    by_host: BTreeMap<usize, BTreeSet<RequestId>>,
    /// Requests that may be served anywhere.
    anywhere: BTreeSet<RequestId>,
    refused: BTreeSet<usize>,
    containers: Vec<Container>,
    /// Containers whose end a node that is up has yet to report.
    unreported: usize,
    /// What the application master hears with its next call.
    outbox: Vec<Event>,
}

fn host_number(name: &str) -> Option<usize> {
    name.strip_prefix('h')?.parse().ok()
}

impl Manager {
    pub(super) fn new(racks: Racks, slots: u32) -> Manager {
        let node = NodeState { free: slots, up: true, ended: Vec::new() };
        Manager {
            racks,
            slots,
            nodes: vec![node; racks.hosts],
            asks: BTreeMap::new(),
            by_host: BTreeMap::new(),
            anywhere: BTreeSet::new(),
            refused: BTreeSet::new(),
            containers: Vec::new(),
            unreported: 0,
            outbox: Vec::new(),
        }
    }

    /// What the ResourceManager says of these nodes.
    pub(super) fn report(&self, hosts: impl Iterator<Item = usize>) -> Event {
        let total = Capability { memory_mb: SIZE.memory_mb * u64::from(self.slots), cores: SIZE.cores * self.slots };
        let node = |host: usize| Node {
            host: host_name(host),
            rack: format!("/r{}", host % self.racks.racks),
            aliases: Vec::new(),
            total,
            usable: self.nodes[host].up,
        };
        Event::NodesKnown { nodes: hosts.map(node).collect() }
    }

    pub(super) fn container(&self, container: ContainerId) -> Container {
        self.containers[container.0 as usize - 1]
    }

    pub(super) fn launched(&mut self, container: ContainerId) {
        let row = &mut self.containers[container.0 as usize - 1];
        assert!(!row.released, "released_containers_are_never_launched: {container}");
        if row.stage != Stage::Over {
            assert_eq!(row.stage, Stage::Granted, "containers_are_launched_once: {container}");
            row.stage = Stage::Launched;
        }
    }

    /// Rows of an allocate call: absolute totals.
    pub(super) fn ask(&mut self, rows: &[AskRow]) {
        for row in rows {
            let request = self.asks.entry(row.request).or_default();
            request.insert(row.place.clone(), (row.count, row.relax_locality));
            match &row.place {
                Place::Host(name) => {
                    let host = host_number(name).expect("asks_name_known_hosts");
                    let at = self.by_host.entry(host).or_default();
                    if row.count > 0 {
                        at.insert(row.request)
                    } else {
                        at.remove(&row.request)
                    };
                }
                Place::Any if row.count > 0 && row.relax_locality => {
                    self.anywhere.insert(row.request);
                }
                Place::Any => {
                    self.anywhere.remove(&row.request);
                }
                Place::Rack(_) => {}
            }
            if request.values().all(|&(count, _)| count == 0) {
                self.forget(row.request);
            }
        }
    }

    fn forget(&mut self, request: RequestId) {
        for place in self.asks.remove(&request).unwrap_or_default().into_keys() {
            if let Place::Host(name) = place
                && let Some(at) = host_number(&name).and_then(|host| self.by_host.get_mut(&host))
            {
                at.remove(&request);
            }
        }
        self.anywhere.remove(&request);
    }

    pub(super) fn refuse(&mut self, hosts: &[std::sync::Arc<str>]) {
        self.refused.extend(hosts.iter().filter_map(|host| host_number(host)));
    }

    /// May the rows of a request that names this host be served there?
    fn allows(&self, request: RequestId, host: usize) -> bool {
        let Some(rows) = self.asks.get(&request) else { return false };
        let count = |place: Place| rows.get(&place).map_or(0, |row| row.0);
        let rack = format!("/r{}", host % self.racks.racks);
        count(Place::Any) > 0 && count(Place::Rack(rack.as_str().into())) > 0
    }

    /// A node calls: it says what ended there, and is given what fits.
    pub(super) fn node_calls(&mut self, host: usize) {
        if !self.nodes[host].up {
            return;
        }
        for (container, exit_status) in std::mem::take(&mut self.nodes[host].ended) {
            self.nodes[host].free += 1;
            self.unreported -= 1;
            let diagnostics = "simulated".to_owned();
            self.outbox.push(Event::ContainerCompleted { container, exit_status, diagnostics });
        }
        if self.asks.is_empty() || self.refused.contains(&host) {
            return;
        }
        while self.nodes[host].free > 0 {
            let here = self.by_host.get(&host).into_iter().flatten().copied();
            let Some(request) = here.into_iter().find(|&request| self.allows(request, host)) else { break };
            self.grant(host, request);
        }
        if self.nodes[host].free > 0
            && let Some(&request) = self.anywhere.first()
        {
            self.grant(host, request);
        }
    }

    /// The application master is gone. Containers in which processes run stay; the others end, and nothing is asked for any more.
    pub(super) fn master_dies(&mut self, runs: impl Fn(ContainerId) -> bool) {
        self.asks.clear();
        self.by_host.clear();
        self.anywhere.clear();
        self.refused.clear();
        self.outbox.clear();
        for container in (1..=self.containers.len() as u64).map(ContainerId) {
            if !runs(container) {
                self.end(container, -100);
            }
        }
    }

    /// Containers of the application master before, each with its host.
    pub(super) fn kept(&self) -> Vec<(ContainerId, String)> {
        let numbered = (1..).map(ContainerId).zip(&self.containers);
        numbered.filter(|(_, row)| row.stage != Stage::Over).map(|(id, row)| (id, host_name(row.host))).collect()
    }

    fn grant(&mut self, host: usize, request: RequestId) {
        self.forget(request);
        self.nodes[host].free -= 1;
        self.containers.push(Container { host, stage: Stage::Granted, released: false });
        let container = ContainerId(self.containers.len() as u64);
        let grant = Grant { container, host: host_name(host), request: Some(request), capability: SIZE };
        self.outbox.push(Event::ContainersGranted { grants: vec![grant] });
    }

    /// The container is over; its node will say so.
    pub(super) fn end(&mut self, container: ContainerId, exit_status: i32) {
        let row = &mut self.containers[container.0 as usize - 1];
        if row.stage != Stage::Over {
            row.stage = Stage::Over;
            let host = row.host;
            self.nodes[host].ended.push((container, exit_status));
            self.unreported += usize::from(self.nodes[host].up);
        }
    }

    /// The application master gives it back.
    pub(super) fn release(&mut self, container: ContainerId) {
        let row = &mut self.containers[container.0 as usize - 1];
        assert!(!row.released, "containers_are_released_once: {container}");
        row.released = true;
        self.end(container, -100);
    }

    /// The ResourceManager gives a node up, with all containers on it.
    pub(super) fn lose(&mut self, host: usize) {
        if std::mem::take(&mut self.nodes[host].up) {
            self.unreported -= self.nodes[host].ended.len();
        }
        let there = |row: &(usize, &Container)| row.1.host == host && row.1.stage != Stage::Over;
        let lost: Vec<_> = self.containers.iter().enumerate().filter(there).map(|(index, _)| index).collect();
        for index in lost {
            self.end(ContainerId(index as u64 + 1), -100);
        }
        for (container, _) in std::mem::take(&mut self.nodes[host].ended) {
            let diagnostics = "Container released on a *lost* node".to_owned();
            self.outbox.push(Event::ContainerCompleted { container, exit_status: -100, diagnostics });
        }
        let report = self.report([host].into_iter());
        self.outbox.push(report);
    }

    /// A node is there again, with nothing on it.
    pub(super) fn restore(&mut self, host: usize) {
        if !self.nodes[host].up {
            self.nodes[host] = NodeState { free: self.slots, up: true, ended: Vec::new() };
            let report = self.report([host].into_iter());
            self.outbox.push(report);
        }
    }

    /// What the application master hears when it calls: all grants at once, as in an allocate response.
    pub(super) fn allocate(&mut self) -> Vec<Event> {
        let (mut events, mut all) = (Vec::new(), Vec::new());
        for event in std::mem::take(&mut self.outbox) {
            if let Event::ContainersGranted { grants } = event {
                all.extend(grants);
            } else {
                events.push(event);
            }
        }
        if !all.is_empty() {
            events.insert(0, Event::ContainersGranted { grants: all });
        }
        events
    }

    /// No node has more containers than it can hold.
    pub(super) fn check(&self) {
        let mut running = vec![0; self.nodes.len()];
        for row in self.containers.iter().filter(|row| row.stage != Stage::Over) {
            running[row.host] += 1;
        }
        let unreported = self.nodes.iter().filter(|node| node.up).map(|node| node.ended.len()).sum::<usize>();
        assert_eq!(self.unreported, unreported, "unreported_ends_are_counted");
        for (host, &running) in running.iter().enumerate() {
            assert!(running <= self.slots, "no_node_above_its_slots: {running} containers on {}", host_name(host));
        }
    }

    /// Is nothing outstanding?
    pub(super) fn is_quiet(&self) -> bool {
        self.outbox.is_empty() && self.unreported == 0 && self.asks.is_empty()
    }

    pub(super) fn check_end(&self) {
        let open: Vec<_> = self.containers.iter().filter(|row| row.stage != Stage::Over).collect();
        assert!(open.is_empty(), "all_containers_are_released: {open:?}");
        assert!(self.asks.is_empty(), "all_containers_are_released: {:?}", self.asks);
    }

    /// Containers that were ever granted.
    pub(super) fn granted(&self) -> usize {
        self.containers.len()
    }
}
