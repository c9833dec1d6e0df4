//! On which hosts to ask for containers: those that cover the most bytes of waiting tasks, one after the other.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::ids::HostId;
use crate::lists::Lists;

/// A waiting task, as far as choosing hosts is concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting<'a> {
    pub places: &'a [HostId],
    pub bytes: u64,
}

/// A host that could take containers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Containers that we have or ask for here.
    pub taken: u32,
    /// The most that we want here.
    pub room: u32,
}

/// How good the next container on a host would be; the greatest is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Merit {
    /// Bytes here that no host of ours holds.
    uncovered: u64,
    /// Bytes here for each container, with the new one.
    share: u64,
    host: Reverse<HostId>,
}

struct Cover<'a> {
    /// Tasks that no host of ours held at first, and whether one does now.
    waiting: Vec<Waiting<'a>>,
    covered: Vec<bool>,
    /// These tasks at each host, in the order of the hosts' numbers.
    at: Lists<u32>,
    /// Bytes of waiting tasks on each host; of hosts that are no candidates they do not matter.
    bytes: Vec<u64>,
    uncovered: Vec<u64>,
}

/// Choose hosts for `count` more containers; fewer where no host is worth another one. Millions of tasks may wait, most of them
/// for hosts that we have: they are looked at once, in their order.
pub(crate) fn choose<'a>(
    waiting: impl Iterator<Item = Waiting<'a>>,
    candidates: &mut BTreeMap<HostId, Candidate>,
    count: u32,
) -> Vec<HostId> {
    if count == 0 || candidates.is_empty() {
        return Vec::new();
    }
    let mut cover = Cover::new(waiting, candidates);
    let merits = candidates.iter().filter_map(|(&host, candidate)| cover.merit(host, *candidate));
    // Merits only become smaller, so one that is still true when it is the greatest is the best.
    let mut merits: BinaryHeap<Merit> = merits.collect();
    let mut chosen = Vec::new();
    while chosen.len() < count as usize {
        let Some(Merit { host: Reverse(host), .. }) = merits.peek().copied() else { break };
        let Some(candidate) = candidates.get_mut(&host) else { break };
        let now = cover.merit(host, *candidate);
        if merits.pop() != now {
            merits.extend(now);
            continue;
        }
        cover.take(host);
        candidate.taken += 1;
        merits.extend(cover.merit(host, *candidate));
        chosen.push(host);
    }
    chosen
}

impl<'a> Cover<'a> {
    fn new(tasks: impl Iterator<Item = Waiting<'a>>, candidates: &BTreeMap<HostId, Candidate>) -> Cover<'a> {
        let end = candidates.keys().next_back().map_or(0, |host| host.index() + 1);
        let mut ours = vec![false; end];
        for (&host, _) in candidates.iter().filter(|(_, candidate)| candidate.taken > 0) {
            ours[host.index()] = true;
        }
        // Of hosts that are no candidates nobody asks.
        let (mut bytes, mut uncovered, mut waiting) = (vec![0; end], vec![0; end], Vec::new());
        tasks.for_each(|task| {
            let places = || task.places.iter().map(|host| host.index()).filter(|&host| host < end);
            places().for_each(|host| bytes[host] += task.bytes.max(1));
            if !places().any(|host| ours[host]) {
                places().for_each(|host| uncovered[host] += task.bytes.max(1));
                waiting.push(task);
            }
        });
        let places = |task: &Waiting<'a>| task.places.iter().map(|host| host.0).filter(|&host| (host as usize) < end);
        let pairs = (0..).zip(&waiting).flat_map(|(index, task)| places(task).map(move |host| (host, index)));
        let at = Lists::filled(end, || pairs.clone());
        Cover { covered: vec![false; waiting.len()], waiting, at, bytes, uncovered }
    }

    /// Nothing if the host is full or holds nothing.
    fn merit(&self, host: HostId, candidate: Candidate) -> Option<Merit> {
        let bytes = self.bytes.get(host.index()).copied().filter(|&bytes| bytes > 0)?;
        if candidate.taken >= candidate.room {
            return None;
        }
        let uncovered = self.uncovered[host.index()];
        Some(Merit { uncovered, share: bytes / (u64::from(candidate.taken) + 1), host: Reverse(host) })
    }

    fn take(&mut self, host: HostId) {
        for &index in self.at.of(host.index()) {
            if std::mem::replace(&mut self.covered[index as usize], true) {
                continue;
            }
            let task = self.waiting[index as usize];
            for place in task.places {
                if let Some(bytes) = self.uncovered.get_mut(place.index()) {
                    *bytes = bytes.saturating_sub(task.bytes.max(1));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tasks` are lists of hosts, each task of one byte; candidates are (taken, room) by host.
    fn check(tasks: &[&[u32]], candidates: &[(u32, u32)], count: u32, expected: &[u32]) {
        let places: Vec<Vec<HostId>> = tasks.iter().map(|hosts| hosts.iter().copied().map(HostId).collect()).collect();
        let waiting: Vec<_> = places.iter().map(|places| Waiting { places, bytes: 1 }).collect();
        let mut table =
            (0..).map(HostId).zip(candidates.iter().map(|&(taken, room)| Candidate { taken, room })).collect();
        let chosen: Vec<u32> = choose(waiting.into_iter(), &mut table, count).into_iter().map(|host| host.0).collect();
        assert_eq!(chosen, expected);
    }

    #[test]
    fn covering_beats_counting() {
        // Hosts 0 and 1 hold the same three tasks; host 2 holds the other two.
        let tasks: &[&[u32]] = &[&[0, 1], &[0, 1], &[0, 1], &[2], &[2]];
        check(tasks, &[(0, 9); 3], 2, &[0, 2]);
        check(tasks, &[(0, 9); 3], 3, &[0, 2, 1]);
    }

    #[test]
    fn what_we_have_counts() {
        check(&[&[0], &[0], &[1]], &[(1, 9), (0, 9)], 1, &[1]);
    }

    #[test]
    fn beyond_coverage_the_longest_queue_for_each_container_wins() {
        check(&[&[0], &[0], &[0], &[0], &[1]], &[(0, 9); 2], 4, &[0, 1, 0, 0]);
    }

    #[test]
    fn full_and_strange_hosts_are_not_chosen() {
        check(&[&[0], &[7]], &[(1, 1)], 3, &[]);
        check(&[], &[(0, 9)], 1, &[]);
    }

    #[test]
    fn a_task_listed_twice_at_a_host_does_no_harm() {
        check(&[&[0, 0], &[1]], &[(0, 1); 2], 2, &[0, 1]);
    }
}
