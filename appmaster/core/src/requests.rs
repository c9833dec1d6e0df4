//! Requests for containers: each has an allocation request id of its own, asks for one container, and insists less
//! on its host as time passes.
//!
//! YARN keeps absolute totals for each row, so a row is said once, again when it changes, and all are said again after
//! the ResourceManager forgot us.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::{AskRow, Place};
use crate::config::LocalityWaits;
use crate::event::Capability;
use crate::hosts::Hosts;
use crate::ids::{HostId, RequestId, Time};

/// How far from its host a request may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Not at all.
    Host,
    /// In its rack.
    Rack,
    /// Anywhere.
    Any,
}

/// The same row, to be unsaid.
fn taken_back(row: AskRow) -> AskRow {
    AskRow { count: 0, ..row }
}

/// A request for one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// `None` for a container anywhere.
    pub host: Option<HostId>,
    pub level: Level,
    pub since: Time,
}

impl Request {
    /// The host that it insists on, if it does.
    pub fn insists_on(&self) -> Option<HostId> {
        self.host.filter(|_| self.level == Level::Host)
    }

    fn level_at(&self, now: Time, waits: LocalityWaits, hosts: &Hosts) -> Level {
        let waited = now.since(self.since);
        match self.host.map(|host| &hosts[host]) {
            None => Level::Any,
            Some(host) if host.offers.is_none() || host.blacklisted || waited >= waits.request_rack => Level::Any,
            Some(_) if waited >= waits.request_node => Level::Rack,
            Some(_) => Level::Host,
        }
    }

    /// A node-local grant needs three rows: host, rack and `*`. CapacityScheduler never grants a rack row that is
    /// relaxed under a `*` row that is not, so "in the rack" names the rack's hosts; and it delays `*` while other rows
    /// are there, so "anywhere" is that row alone.
    fn rows(&self, request: RequestId, nodes: &Nodes<'_>) -> Vec<AskRow> {
        let row = |place, relax_locality| AskRow { request, place, count: 1, relax_locality };
        let hosts = match (self.level, self.host) {
            (Level::Host, Some(host)) => vec![host],
            (Level::Rack, Some(host)) => nodes.hosts.rack_mates(host, nodes.size, RACK_HOSTS),
            (Level::Any, _) | (_, None) => return vec![row(Place::Any, true)],
        };
        let mut rows: Vec<AskRow> =
            hosts.iter().map(|&host| row(Place::Host(nodes.hosts[host].name.clone()), true)).collect();
        let rack = self.host.and_then(|host| nodes.hosts[host].rack);
        rows.extend(rack.map(|rack| row(Place::Rack(nodes.hosts.rack_name(rack)), false)));
        rows.push(row(Place::Any, false));
        rows
    }
}

/// Where requests can be served: the hosts, and the size of a container.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nodes<'a> {
    pub hosts: &'a Hosts,
    pub size: Capability,
}

/// The most hosts of a rack that one request names.
const RACK_HOSTS: usize = 40;

/// The open requests.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    open: BTreeMap<RequestId, Request>,
    /// What the ResourceManager was told of each request and may still know. A row is forgotten only when it is unsaid.
    told: BTreeMap<RequestId, Vec<AskRow>>,
    /// Requests that the ResourceManager may have counted down for a grant that answered another one.
    doubtful: BTreeSet<RequestId>,
    /// Requests whose rows may have changed since they were last said.
    changed: BTreeSet<RequestId>,
    /// The open requests that name a host, by host.
    by_host: BTreeMap<HostId, BTreeSet<RequestId>>,
    /// No request insists less before this moment, unless nodes change.
    next_relax: Time,
    /// Ids given so far; 0 and -1 mean "none" to YARN and are never given.
    last: u64,
}

impl Requests {
    /// Open a request.
    pub fn open(&mut self, host: Option<HostId>, now: Time) -> RequestId {
        self.last += 1;
        let request = RequestId(self.last);
        let level = if host.is_some() { Level::Host } else { Level::Any };
        self.open.insert(request, Request { host, level, since: now });
        if let Some(host) = host {
            self.by_host.entry(host).or_default().insert(request);
        }
        self.changed.insert(request);
        self.next_relax = Time::default();
        request
    }

    /// This request was answered, or is not needed any more; its rows go to 0 with the next
    /// [`Requests::changed_rows`]. The ResourceManager counts a granted request down itself, but a change of ours may
    /// have crossed the grant and raised it again.
    pub fn close(&mut self, request: RequestId) -> Option<Request> {
        let closed = self.open.remove(&request)?;
        self.changed.insert(request);
        if let Some(at) = closed.host.and_then(|host| self.by_host.get_mut(&host)) {
            at.remove(&request);
        }
        Some(closed)
    }

    /// Nodes changed, and with them which hosts a request may name.
    pub fn look_again(&mut self) {
        self.changed.extend(self.open.keys());
        self.next_relax = Time::default();
    }

    /// Let requests insist less as time passes and hosts are lost. Returns those that changed, as they were.
    /// Requests for hosts that are required do not change.
    pub fn relax(
        &mut self,
        now: Time,
        (waits, required): (LocalityWaits, &BTreeSet<HostId>),
        hosts: &Hosts,
    ) -> Vec<(RequestId, Request)> {
        let mut changed = Vec::new();
        if now < self.next_relax {
            return changed;
        }
        self.next_relax = Time(u64::MAX);
        for (&id, request) in &mut self.open {
            if request.host.is_some_and(|host| required.contains(&host) && !hosts[host].blacklisted) {
                // The host may cease to be required at any time.
                self.next_relax = now;
                continue;
            }
            let level = request.level_at(now, waits, hosts).max(request.level);
            if level != request.level {
                changed.push((id, request.clone()));
                self.changed.insert(id);
                request.level = level;
            }
            let steps = [waits.request_node, waits.request_rack].map(|wait| request.since + wait);
            let next = steps.into_iter().filter(|&step| step > now).min();
            self.next_relax = self.next_relax.min(next.unwrap_or(self.next_relax));
        }
        changed
    }

    /// Rows that differ from what the ResourceManager knows.
    pub fn changed_rows(&mut self, nodes: &Nodes<'_>) -> Vec<AskRow> {
        let mut rows = Vec::new();
        let doubtful = std::mem::take(&mut self.doubtful);
        let mut changed = std::mem::take(&mut self.changed);
        for closed in changed.iter().filter(|id| !self.open.contains_key(id)) {
            rows.extend(self.told.remove(closed).into_iter().flatten().map(taken_back));
        }
        changed.extend(&doubtful);
        for id in changed {
            let Some(request) = self.open.get(&id) else { continue };
            let wanted = request.rows(id, nodes);
            let told = std::mem::take(self.told.entry(id).or_default());
            rows.extend(wanted.iter().filter(|row| doubtful.contains(&id) || !told.contains(row)).cloned());
            let is_left_out = |row: &AskRow| wanted.iter().all(|other| other.place != row.place);
            rows.extend(told.into_iter().filter(is_left_out).map(taken_back));
            self.told.insert(id, wanted);
        }
        rows
    }

    /// Say every row of every open request again.
    pub fn tell_all_again(&mut self) {
        self.doubtful.extend(self.open.keys());
    }

    /// Say every row of this request again, if it is open.
    pub fn tell_again(&mut self, request: RequestId) {
        self.doubtful.insert(request);
    }

    /// An open request for this very host, this one if it is such a request.
    pub fn best_for(&self, host: HostId, named: RequestId) -> Option<RequestId> {
        let exact = self.by_host.get(&host)?;
        exact.get(&named).or_else(|| exact.first()).copied()
    }

    /// Did we ever give this id?
    pub fn was_given(&self, request: RequestId) -> bool {
        (1..=self.last).contains(&request.0)
    }

    /// The open requests, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (RequestId, &Request)> {
        self.open.iter().map(|(&id, request)| (id, request))
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Is this one open?
    pub fn contains(&self, request: RequestId) -> bool {
        self.open.contains_key(&request)
    }

    /// Must this one be served within the rack of its host?
    pub fn is_within_rack(&self, request: RequestId) -> bool {
        self.open.get(&request).is_some_and(|row| row.level == Level::Rack)
    }

    /// The open request that a container on this host answers best.
    pub fn match_host(&self, host: HostId, hosts: &Hosts) -> Option<RequestId> {
        if let Some(&exact) = self.by_host.get(&host).and_then(BTreeSet::first) {
            return Some(exact);
        }
        let fit = |request: &Request| match request.host {
            Some(wanted) if wanted == host => Some(0),
            Some(wanted) if request.level == Level::Rack && hosts.same_rack(wanted, host) => Some(1),
            Some(_) | None => (request.level == Level::Any).then_some(2),
        };
        self.iter().filter_map(|(id, request)| fit(request).map(|fit| (fit, id))).min().map(|(_, id)| id)
    }
}
