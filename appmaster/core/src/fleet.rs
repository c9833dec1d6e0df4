//! The containers that YARN granted and that are not over, and how containers failed.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::event::Capability;
use crate::ids::{ContainerId, HostId, TaskId, Time, WorkerId};
use crate::requests::Requests;

/// What a container is for us now.
///
/// ```text
/// Starting -> Running -> Gone -> (completed)
///     +----------+---------+---> Leaving -> (completed)
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Launched, its worker not yet connected.
    Starting { since: Time },
    /// Its worker is connected.
    Running { worker: WorkerId },
    /// Its worker is gone; YARN has not yet said why. These tasks ran there.
    Gone { since: Time, why: String, tasks: Vec<TaskId> },
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
        matches!(self.stage, Stage::Starting { .. } | Stage::Running { .. })
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
    pub containers: BTreeMap<ContainerId, Container>,
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
    /// The longest that a container took from its grant to its worker.
    pub slowest_start: Duration,
    /// The most workers that we ever had or asked for at once.
    pub widest: u32,
    /// Since when no container could come at all.
    pub hopeless_since: Option<Time>,
}

impl Fleet {
    /// Containers that run a worker or will.
    pub fn live(&self) -> u32 {
        self.containers.values().filter(|container| container.is_live()).count() as u32
    }

    /// Containers whose worker has yet to connect.
    pub fn starting(&self) -> u32 {
        let starting = |container: &&Container| matches!(container.stage, Stage::Starting { .. });
        self.containers.values().filter(starting).count() as u32
    }
}
