//! The containers that YARN granted and that are not over, and how containers failed.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::event::Capability;
use crate::ids::{ContainerId, HostId, Time, WorkerId};
use crate::requests::Requests;
use crate::trouble::Left;

/// What a container is for us now.
///
/// ```text
/// Starting, Kept -> Running -> Gone -> (completed)
///     +----------------+---------+---> Leaving -> (completed)
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Launched, its worker not yet connected.
    Starting { since: Time },
    /// Started by an attempt before this one; its worker has yet to find us.
    Kept { since: Time },
    /// Its worker is connected.
    Running { worker: WorkerId },
    /// Its worker is gone; YARN has not yet said why. These tasks ran there.
    Gone { since: Time, why: String, left: Left },
    /// Given back.
    Leaving { since: Time },
}

/// One container.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    pub host: HostId,
    /// The host that it was asked for.
    pub intended: Option<HostId>,
    pub stage: Stage,
}

impl Container {
    /// Is it given back?
    pub fn is_leaving(&self) -> bool {
        matches!(self.stage, Stage::Leaving { .. })
    }

    /// Does it, or will it, run a worker?
    pub fn is_live(&self) -> bool {
        matches!(self.stage, Stage::Starting { .. } | Stage::Kept { .. } | Stage::Running { .. })
    }
}

/// Containers that failed since the last end of a job.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    pub since_job: u32,
    pub total: u32,
    /// The latest causes.
    pub last: VecDeque<String>,
}

/// How many causes the message about too many failures shows.
const CAUSES_SHOWN: usize = 3;

impl Failures {
    /// Count one more.
    pub fn add(&mut self, cause: String) {
        self.since_job += 1;
        self.total += 1;
        self.last.push_back(cause);
        if self.last.len() > CAUSES_SHOWN {
            self.last.pop_front();
        }
    }
}

/// Everything about containers.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    containers: BTreeMap<ContainerId, Container>,
    /// Of these, those that run a worker or will, and those whose worker has yet to connect.
    live: u32,
    starting: u32,
    pub requests: Requests,
    pub failures: Failures,
    /// The cluster's largest container, once we are registered.
    pub maximum: Option<Capability>,
    pub headroom: Option<Capability>,
    /// Did an allocate response name a headroom? The first one says 0, whatever the queue has.
    pub headroom_heard: bool,
    pub first_container: Option<Time>,
    /// Nothing is asked for before: what kept a container from starting may be over by then.
    pub not_before: Time,
    /// Did a worker ever come from one of our containers?
    pub had_worker: bool,
    /// The longest that a container took from its grant to its worker.
    pub slowest_start: Duration,
    /// The most workers that we ever had or asked for at once.
    pub widest: u32,
    /// Since when no container could come at all.
    pub hopeless_since: Option<Time>,
}

impl Fleet {
    /// A container was granted.
    pub fn insert(&mut self, container: ContainerId, row: Container) {
        self.count(&row, 1);
        self.containers.insert(container, row);
    }

    /// A container is over.
    pub fn remove(&mut self, container: ContainerId) -> Option<Container> {
        let row = self.containers.remove(&container)?;
        self.count(&row, -1);
        Some(row)
    }

    /// A container is for us now what this says. Returns what it was before.
    pub fn set_stage(&mut self, container: ContainerId, stage: Stage) -> Option<Stage> {
        let mut row = self.remove(container)?;
        let before = std::mem::replace(&mut row.stage, stage);
        self.insert(container, row);
        Some(before)
    }

    fn count(&mut self, row: &Container, change: i32) {
        self.live = self.live.saturating_add_signed(if row.is_live() { change } else { 0 });
        let starting = matches!(row.stage, Stage::Starting { .. } | Stage::Kept { .. });
        self.starting = self.starting.saturating_add_signed(if starting { change } else { 0 });
    }

    /// This container.
    pub fn get(&self, container: ContainerId) -> Option<&Container> {
        self.containers.get(&container)
    }

    /// All containers.
    pub fn iter(&self) -> impl Iterator<Item = (ContainerId, &Container)> {
        self.containers.iter().map(|(&container, row)| (container, row))
    }

    /// Containers that run a worker or will.
    pub fn live(&self) -> u32 {
        self.live
    }

    /// Containers whose worker has yet to connect.
    pub fn starting(&self) -> u32 {
        self.starting
    }
}
