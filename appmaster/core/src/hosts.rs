//! Hosts and racks by number, under all their names, and which of them hold a container of ours.

use std::collections::{BTreeSet, HashMap};
use std::iter::once;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use crate::event::{Capability, Node};
use crate::ids::{HostId, RackId, Time};

/// One host, known to the ResourceManager or only to HDFS.
#[derive(Debug)]
pub(crate) struct Host {
    /// As the ResourceManager names it, or else as HDFS does.
    pub name: Arc<str>,
    /// Its rack, if it is a node.
    pub rack: Option<RackId>,
    /// All that its node offers; `None` if it is no node, or none that can be used.
    pub offers: Option<Capability>,
    /// Is it a node at all?
    pub is_node: bool,
    /// Task threads of the workers connected from here.
    pub threads: u32,
    /// When something last happened here that makes waiting worthwhile: a task taken for its data, a container asked
    /// for, granted or connected.
    pub last_news: Time,
    /// Containers that failed here by the host's fault.
    pub failures: u32,
    /// Do we refuse containers here?
    pub blacklisted: bool,
    /// Our containers here, and our requests that insist on this host.
    holds: u32,
}

/// All hosts and racks.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    rows: Vec<Host>,
    racks: Vec<Arc<str>>,
    /// The hosts of each rack.
    by_rack: Vec<BTreeSet<HostId>>,
    /// Looked up, never iterated. Keys are lower case.
    by_name: HashMap<String, HostId>,
    rack_by_name: HashMap<String, RackId>,
    held: BTreeSet<HostId>,
    nodes_known: bool,
}

/// What a look at a node changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Learned {
    /// Numbers that turned out to be another host's: (old, new).
    pub merged: Vec<(HostId, HostId)>,
    /// Did a host's rack change?
    pub moved: bool,
}

impl Hosts {
    /// The host of this name or address, new if need be.
    pub fn intern(&mut self, name: &str) -> HostId {
        // Most names are written as they are kept.
        if let Some(&host) = self.by_name.get(name) {
            return host;
        }
        let key = name.to_ascii_lowercase();
        if let Some(&host) = self.by_name.get(&key) {
            return host;
        }
        let host = HostId(u32::try_from(self.rows.len()).unwrap_or(u32::MAX));
        self.rows.push(Host {
            name: name.into(),
            rack: None,
            offers: None,
            is_node: false,
            threads: 0,
            last_news: Time::default(),
            failures: 0,
            blacklisted: false,
            holds: 0,
        });
        self.by_name.insert(key, host);
        host
    }

    /// The host of this name or address, if it is known.
    pub fn find(&self, name: &str) -> Option<HostId> {
        self.by_name.get(name).or_else(|| self.by_name.get(&name.to_ascii_lowercase())).copied()
    }

    fn intern_rack(&mut self, name: &str) -> RackId {
        if let Some(&rack) = self.rack_by_name.get(name) {
            return rack;
        }
        let rack = RackId(u32::try_from(self.racks.len()).unwrap_or(u32::MAX));
        self.racks.push(name.into());
        self.by_rack.push(BTreeSet::new());
        self.rack_by_name.insert(name.to_owned(), rack);
        rack
    }

    /// Take in what the ResourceManager says of a node.
    pub fn learn(&mut self, node: &Node, learned: &mut Learned) {
        self.nodes_known = true;
        let host = self.intern(&node.host);
        let rack = self.intern_rack(&node.rack);
        let row = &mut self.rows[host.index()];
        if let Some(before) = row.rack.replace(rack).filter(|&before| before != rack) {
            self.by_rack[before.index()].remove(&host);
        }
        learned.moved |= self.by_rack[rack.index()].insert(host);
        row.is_node = true;
        row.name = node.host.as_str().into();
        row.offers = node.usable.then_some(node.total);
        for alias in &node.aliases {
            self.learn_alias(alias, host, learned);
        }
    }

    fn learn_alias(&mut self, alias: &str, host: HostId, learned: &mut Learned) {
        let key = alias.to_ascii_lowercase();
        match self.by_name.get(&key).copied() {
            None => {
                self.by_name.insert(key, host);
            }
            Some(other) if other == host || self[other].is_node || self[other].holds > 0 => {}
            Some(other) => {
                self.by_name.insert(key, host);
                learned.merged.push((other, host));
            }
        }
    }

    /// Has the ResourceManager named its nodes?
    pub fn nodes_known(&self) -> bool {
        self.nodes_known
    }

    /// All hosts with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (HostId, &Host)> {
        (0..).map(HostId).zip(&self.rows)
    }

    /// The row of this host, to change it.
    pub fn row_mut(&mut self, host: HostId) -> &mut Host {
        &mut self.rows[host.index()]
    }

    /// How many containers of this size the host's node can hold, if we want containers there at all.
    pub fn room(&self, host: HostId, size: Capability) -> u32 {
        let row = &self[host];
        match row.offers {
            Some(offers) if !row.blacklisted => {
                u32::try_from(offers.memory_mb / size.memory_mb.max(1)).unwrap_or(u32::MAX)
            }
            Some(_) | None => 0,
        }
    }

    /// Up to `most` hosts of this host's rack whose nodes can hold a container of this size: itself, then those after
    /// it, so that the neighbours of different hosts differ.
    pub fn rack_mates(&self, host: HostId, size: Capability, most: usize) -> Vec<HostId> {
        let Some(rack) = self[host].rack.map(|rack| &self.by_rack[rack.index()]) else { return vec![host] };
        let mates = rack.range((Excluded(host), Unbounded)).chain(rack.range(..host)).copied();
        once(host).chain(mates.filter(|&mate| self.room(mate, size) > 0)).take(most).collect()
    }

    /// The name of a rack.
    pub fn rack_name(&self, rack: RackId) -> Arc<str> {
        Arc::clone(&self.racks[rack.index()])
    }

    /// Count one more container or insisting request here. True if it is the first.
    pub fn hold(&mut self, host: HostId) -> bool {
        let row = &mut self.rows[host.index()];
        row.holds += 1;
        row.holds == 1 && self.held.insert(host)
    }

    /// Count one less. True if it was the last.
    pub fn unhold(&mut self, host: HostId) -> bool {
        let row = &mut self.rows[host.index()];
        row.holds = row.holds.saturating_sub(1);
        row.holds == 0 && self.held.remove(&host)
    }

    /// Is a container of ours here, or asked for here?
    pub fn is_held(&self, host: HostId) -> bool {
        self[host].holds > 0
    }

    /// The hosts for which this is true.
    pub fn held(&self) -> &BTreeSet<HostId> {
        &self.held
    }

    /// Are the two hosts in one rack?
    pub fn same_rack(&self, one: HostId, other: HostId) -> bool {
        self[one].rack.is_some() && self[one].rack == self[other].rack
    }
}

impl std::ops::Index<HostId> for Hosts {
    type Output = Host;

    fn index(&self, host: HostId) -> &Host {
        &self.rows[host.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(host: &str, rack: &str, aliases: &[&str]) -> Node {
        Node {
            host: host.into(),
            rack: rack.into(),
            aliases: aliases.iter().map(|&alias| alias.into()).collect(),
            total: Capability { memory_mb: 8192, cores: 8 },
            usable: true,
        }
    }

    #[test]
    fn a_late_alias_merges_the_hosts() {
        let mut hosts = Hosts::default();
        let address = hosts.intern("10.0.0.1");
        let mut learned = Learned::default();
        hosts.learn(&node("W1", "/r1", &["10.0.0.1", "w1.example"]), &mut learned);
        let host = hosts.intern("w1");
        assert_eq!(learned.merged, [(address, host)]);
        assert_eq!(hosts.intern("10.0.0.1"), host);
        assert_eq!(hosts.intern("W1.EXAMPLE"), host);
    }

    #[test]
    fn an_address_that_every_node_has_belongs_to_the_first() {
        let mut hosts = Hosts::default();
        let mut learned = Learned::default();
        hosts.learn(&node("w1", "/r1", &["127.0.0.1"]), &mut learned);
        hosts.learn(&node("w2", "/r1", &["127.0.0.1", "w1"]), &mut learned);
        assert_eq!(learned.merged, []);
        assert_eq!(hosts.intern("127.0.0.1"), hosts.intern("w1"));
        assert_ne!(hosts.intern("w2"), hosts.intern("w1"));
    }

    #[test]
    fn room_counts_whole_containers() {
        let mut hosts = Hosts::default();
        let host = hosts.intern("w1");
        let size = Capability { memory_mb: 3000, cores: 1 };
        assert_eq!(hosts.room(host, size), 0);
        hosts.learn(&node("w1", "/r1", &[]), &mut Learned::default());
        assert_eq!(hosts.room(host, size), 2);
        hosts.row_mut(host).blacklisted = true;
        assert_eq!(hosts.room(host, size), 0);
    }
}
