//! Requests for containers: each has an allocation request id of its own, asks for one container, and insists less
//! on its host as time passes.
//!
//! YARN keeps absolute totals for each row, so a row is said once, again when it changes, and all are said again after
//! the ResourceManager forgot us.

use std::collections::BTreeMap;

use crate::action::{AskRow, Place};
use crate::config::LocalityWaits;
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
            Some(host) if host.offers.is_none() || host.blacklisted || waited >= waits.rack => Level::Any,
            Some(_) if waited >= waits.node => Level::Rack,
            Some(_) => Level::Host,
        }
    }

    /// A node-local grant needs all three rows.
    fn rows(&self, request: RequestId, count: u32, hosts: &Hosts) -> Vec<AskRow> {
        let row = |place, relax_locality| AskRow { request, place, count, relax_locality };
        let mut rows = Vec::with_capacity(3);
        if let Some(host) = self.host.map(|host| &hosts[host]) {
            rows.push(row(Place::Host(host.name.clone()), true));
            if let Some(rack) = host.rack {
                rows.push(row(Place::Rack(hosts.rack_name(rack)), self.level >= Level::Rack));
            }
        }
        rows.push(row(Place::Any, self.level == Level::Any));
        rows
    }
}

/// The open requests.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    open: BTreeMap<RequestId, Request>,
    /// What the ResourceManager knows of each open request.
    told: BTreeMap<RequestId, Vec<AskRow>>,
    /// Is what the ResourceManager knows in doubt?
    doubtful: bool,
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
        request
    }

    /// This request was answered, or is not needed any more; its rows go to 0 with the next
    /// [`Requests::changed_rows`]. The ResourceManager counts a granted request down itself, but a change of ours may
    /// have crossed the grant and raised it again.
    pub fn close(&mut self, request: RequestId) -> Option<Request> {
        self.open.remove(&request)
    }

    /// Let requests insist less as time passes and hosts are lost. Returns those that changed, as they were.
    pub fn relax(&mut self, now: Time, waits: LocalityWaits, hosts: &Hosts) -> Vec<(RequestId, Request)> {
        let mut changed = Vec::new();
        for (&id, request) in &mut self.open {
            let level = request.level_at(now, waits, hosts).max(request.level);
            if level != request.level {
                changed.push((id, request.clone()));
                request.level = level;
            }
        }
        changed
    }

    /// Rows that differ from what the ResourceManager knows.
    pub fn changed_rows(&mut self, hosts: &Hosts) -> Vec<AskRow> {
        let mut rows = Vec::new();
        self.told.retain(|id, told| {
            let keep = self.open.contains_key(id);
            if !keep {
                rows.extend(told.drain(..).map(|row| AskRow { count: 0, ..row }));
            }
            keep
        });
        for (&id, request) in &self.open {
            let wanted = request.rows(id, 1, hosts);
            let told = self.told.entry(id).or_default();
            rows.extend(wanted.iter().filter(|row| self.doubtful || !told.contains(row)).cloned());
            *told = wanted;
        }
        self.doubtful = false;
        rows
    }

    /// Say every row of every open request again.
    pub fn tell_all_again(&mut self) {
        self.doubtful = true;
    }

    /// Say every row of this request again, if it is open.
    pub fn tell_again(&mut self, request: RequestId) {
        if self.contains(request) {
            self.told.remove(&request);
        }
    }

    /// An open request for this very host, this one if it is such a request.
    pub fn best_for(&self, host: HostId, named: RequestId) -> Option<RequestId> {
        let exact = self.iter().filter(|(_, request)| request.host == Some(host));
        exact.map(|(id, _)| id).min_by_key(|&id| (id != named, id))
    }

    /// Did we ever give this id?
    pub fn was_given(&self, request: RequestId) -> bool {
        (1..=self.last).contains(&request.0)
    }

    /// The ResourceManager knows nothing any more.
    pub fn forget_told(&mut self) {
        self.told.clear();
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
        let fit = |request: &Request| match request.host {
            Some(wanted) if wanted == host => Some(0),
            Some(wanted) if request.level == Level::Rack && hosts.same_rack(wanted, host) => Some(1),
            Some(_) | None => (request.level == Level::Any).then_some(2),
        };
        self.iter().filter_map(|(id, request)| fit(request).map(|fit| (fit, id))).min().map(|(_, id)| id)
    }
}
