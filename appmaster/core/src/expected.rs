//! Work that the submission announced and that no driver has brought yet: containers are asked for in the meantime.

use crate::ids::{HostId, Time};

/// The announced work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    /// When it is given up.
    pub until: Time,
    /// Tasks that will come.
    pub tasks: u32,
    /// Hosts that hold input, and for how many of the tasks.
    places: Vec<(HostId, u32)>,
}

impl Expected {
    /// So many tasks at these hosts, until then.
    pub fn new(until: Time, tasks: u32, places: Vec<(HostId, u32)>) -> Expected {
        Expected { until, tasks, places }
    }

    /// The hosts, and for how many tasks each holds input.
    pub fn places(&self) -> &[(HostId, u32)] {
        &self.places
    }

    /// Hosts that turned out to be others: (old, new).
    pub fn merge_places(&mut self, merged: &[(HostId, HostId)]) {
        for (host, _) in &mut self.places {
            if let Some((_, new)) = merged.iter().find(|(old, _)| old == host) {
                *host = *new;
            }
        }
    }
}
