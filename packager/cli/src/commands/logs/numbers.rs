//! Which container numbers of an attempt to ask the nodes for.
//!
//! Neither the ResourceManager nor a NodeManager lists containers that are over. Our application master notes every
//! container that it is granted in its own log, before it starts anything there: where that log can be read, these are
//! all. Of other applications, and where the application master's node is gone, numbers are tried from the first on:
//! they are consecutive, with gaps where YARN took a container back before its start. A ResourceManager that restarts
//! counts from the first on again, under its next epoch, which only notes tell.

use std::collections::BTreeSet;

use hadoop_wire::names::ContainerId;

/// After so many numbers in a row that no node knows, there are no more containers.
const GAP: u64 = 10;
/// Numbers that are noted, at most: a log that mentions more is not one of ours.
const MOST: usize = 100_000;
/// How every container id begins.
const PREFIX: &[u8] = b"container_";
/// More bytes than any container id has.
const LONGEST: usize = 80;

/// The containers to try, one after the other.
#[derive(Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Those that the application master has noted.
    Noted(BTreeSet<ContainerId>),
    /// All, until too many in a row are unknown.
    Counted {
        /// The next one.
        next: ContainerId,
        /// Unknown ones since the last that was known.
        misses: u64,
    },
}

impl Numbers {
    /// Every number from the application master's own on, until a gap that is too wide.
    pub fn all(master: ContainerId) -> Numbers {
        Numbers::Counted { next: master, misses: 0 }
    }

    /// The container to try now; `None` when there are no more.
    pub fn next(&mut self) -> Option<ContainerId> {
        match self {
            Numbers::Noted(containers) => containers.pop_first(),
            Numbers::Counted { misses, .. } if *misses >= GAP => None,
            Numbers::Counted { next, .. } => {
                let container = *next;
                next.sequence += 1;
                Some(container)
            }
        }
    }

    /// Whether a node knew the number.
    pub fn tried(&mut self, known: bool) {
        if let Numbers::Counted { misses, .. } = self {
            *misses = if known { 0 } else { *misses + 1 };
        }
    }
}

/// Reads the application master's log, piece by piece, for the containers of one attempt.
pub struct Notes {
    master: ContainerId,
    containers: BTreeSet<ContainerId>,
    /// The end of the last piece: an id may be cut in two.
    rest: Vec<u8>,
}

impl Notes {
    /// Notes of one attempt, the application master's own container among them.
    pub fn new(master: ContainerId) -> Notes {
        Notes { master, containers: BTreeSet::from([master]), rest: Vec::new() }
    }

    /// Takes in the next piece of the log.
    pub fn push(&mut self, piece: &[u8]) {
        self.rest.extend_from_slice(piece);
        // What may still grow waits for the next piece.
        let whole = self.rest.iter().rposition(|byte| !is_of_id(*byte)).map_or(0, |last| last + 1);
        let whole = whole.max(self.rest.len().saturating_sub(LONGEST));
        let text: Vec<u8> = self.rest.drain(..whole).collect();
        self.find(&text);
    }

    /// All that was noted.
    pub fn finish(mut self) -> Numbers {
        let rest = std::mem::take(&mut self.rest);
        self.find(&rest);
        Numbers::Noted(self.containers)
    }

    fn find(&mut self, text: &[u8]) {
        for word in text.split(|byte| !is_of_id(*byte)).filter(|word| word.starts_with(PREFIX)) {
            let id = std::str::from_utf8(word).ok().and_then(|word| word.parse::<ContainerId>().ok());
            if let Some(id) = id.filter(|id| id.attempt == self.master.attempt && self.containers.len() < MOST) {
                self.containers.insert(id);
            }
        }
    }
}

/// Whether a byte may stand in a container id.
fn is_of_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(epoch: u32, sequence: u64) -> ContainerId {
        let master: ContainerId = "container_e17_1700000000000_0007_01_000001".parse().unwrap();
        ContainerId { epoch, sequence, ..master }
    }

    #[test]
    fn the_log_is_read_wherever_it_is_cut() {
        let log = b"INFO granted container=container_e17_1700000000000_0007_01_000002 host=w1\n\
            INFO granted container=container_e17_1700000000000_0007_01_000019\n\
            INFO another attempt's container_e17_1700000000000_0007_02_000003 and application's container_1_0001_01_000004\n\
            INFO of a restarted ResourceManager: container_e18_1700000000000_0007_01_000001\n\
            a container_of_nothing; last: container_e17_1700000000000_0007_01_000020";
        let noted = [(17, 1), (17, 2), (17, 19), (17, 20), (18, 1)].map(|(epoch, number)| container(epoch, number));
        for size in 1..log.len() {
            let mut notes = Notes::new(container(17, 1));
            log.chunks(size).for_each(|piece| notes.push(piece));
            assert_eq!(notes.finish(), Numbers::Noted(noted.into()), "pieces of {size}");
        }
    }

    #[test]
    fn a_log_without_an_end_of_words_is_held_in_bounds() {
        let mut notes = Notes::new(container(17, 1));
        (0..1000).for_each(|_| notes.push(&[b'a'; 1000]));
        assert!(notes.rest.len() <= LONGEST, "{}", notes.rest.len());
    }

    #[test]
    fn counting_goes_over_gaps_and_comes_to_an_end() {
        let known = [1, 2, 2 + GAP];
        let mut numbers = Numbers::all(container(17, 1));
        let mut tried = Vec::new();
        while let Some(container) = numbers.next() {
            tried.push(container);
            numbers.tried(known.contains(&container.sequence));
        }
        assert_eq!(tried, (1..=2 + GAP + GAP).map(|number| container(17, number)).collect::<Vec<_>>());
    }
}
