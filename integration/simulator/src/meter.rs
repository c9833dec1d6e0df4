//! The core, and what it costs: CPU time and memory.

use std::time::Duration;

use bobbin_core::{Action, Config, Core, Event, Time};

use crate::Counting;

use super::clock::{MILLI, Micros};
use super::machine::thread_time;
use super::plan::mix;

/// Finished tasks that are measured one by one, and of how many later ones one is.
const SINGLE: u64 = 100_000;
const SAMPLED: u64 = 16;

/// The core under the meter.
#[derive(Debug)]
pub(super) struct Metered {
    pub(super) core: Core,
    pub(super) events: u64,
    finished: u64,
    pub(super) cpu: Duration,
    pub(super) slowest: (Duration, &'static str),
    /// What was decided, as one number: equal only if all of it was equal.
    pub(super) digest: u64,
}

impl Metered {
    pub(super) fn new(config: Config) -> Metered {
        Counting::reset();
        let core = Counting::inside(|| Core::new(config));
        Metered { core, events: 0, finished: 0, cpu: Duration::ZERO, slowest: (Duration::ZERO, "nothing"), digest: 0 }
    }

    /// The application master dies, and the next one knows nothing.
    pub(super) fn restart(&mut self, config: Config) {
        Counting::inside(|| self.core = Core::new(config));
    }

    pub(super) fn handle(&mut self, now: Micros, event: Event, actions: &mut Vec<Action>) {
        self.events += 1;
        match self.weight(&event) {
            0 => self.handle_inside(now, event, actions),
            weight => {
                let name = name_of(&event);
                let began = thread_time();
                self.handle_inside(now, event, actions);
                let took = thread_time().saturating_sub(began);
                self.cpu += took * weight;
                self.slowest = self.slowest.max((took, name));
            }
        }
        for action in actions.iter() {
            self.digest = mix(self.digest, number_of(action));
        }
    }

    fn handle_inside(&mut self, now: Micros, event: Event, actions: &mut Vec<Action>) {
        Counting::inside(|| self.core.handle(Time(now / MILLI), event, actions));
    }

    /// How many events this one stands for; none if it is not measured. To ask for the time takes as long as half of what
    /// the core does about a finished task, so one of [`SAMPLED`] of these stands for all, the first ones apart.
    fn weight(&mut self, event: &Event) -> u32 {
        if !matches!(event, Event::TaskFinished { .. }) {
            return 1;
        }
        self.finished += 1;
        match self.finished {
            ..=SINGLE => 1,
            finished if finished.is_multiple_of(SAMPLED) => SAMPLED as u32,
            _ => 0,
        }
    }
}

fn number_of(action: &Action) -> u64 {
    match action {
        Action::Assign(row) => mix(u64::from(row.task.0), (u64::from(row.worker.0) << 32) | u64::from(row.attempt)),
        Action::CancelTask { worker, task, .. } => mix(2 ^ u64::from(task.0), u64::from(worker.0)),
        Action::DropResults { worker, tasks } => mix(3 ^ u64::from(worker.0), tasks.len() as u64),
        Action::Launch { container } => mix(4, container.0),
        Action::Release { container } => mix(5, container.0),
        Action::StopWorker { worker } => mix(6, u64::from(worker.0)),
        Action::ResultReady { task, .. } => mix(7, u64::from(task.0)),
        Action::Ask { rows } => mix(8, rows.len() as u64),
        Action::Note(text) => mix(9, text.len() as u64),
        Action::Copy { worker, task, .. } => mix(10 ^ u64::from(task.0), u64::from(worker.0)),
        Action::Blacklist { .. }
        | Action::AdoptResults { .. }
        | Action::DropFormer { .. }
        | Action::Answer { .. }
        | Action::JobAccepted { .. }
        | Action::ResultLost { .. }
        | Action::ResultFailed { .. }
        | Action::JobFinished { .. }
        | Action::JobFailed { .. }
        | Action::ForgetJob { .. }
        | Action::Finish { .. } => 1,
    }
}

fn name_of(event: &Event) -> &'static str {
    match event {
        Event::NodesKnown { .. } => "NodesKnown",
        Event::Registered { .. } => "Registered",
        Event::WorkExpected { .. } => "WorkExpected",
        Event::HeadroomKnown { .. } => "HeadroomKnown",
        Event::Resync => "Resync",
        Event::ShutdownByResourceManager => "ShutdownByResourceManager",
        Event::ContainersKept { .. } => "ContainersKept",
        Event::ContainersGranted { .. } => "ContainersGranted",
        Event::ContainerLaunchFailed { .. } => "ContainerLaunchFailed",
        Event::ContainerCompleted { .. } => "ContainerCompleted",
        Event::DriverConnected { .. } => "DriverConnected",
        Event::DriverDisconnected { .. } => "DriverDisconnected",
        Event::JobSubmitted { .. } => "JobSubmitted",
        Event::JobCancelled { .. } => "JobCancelled",
        Event::JobReleased { .. } => "JobReleased",
        Event::ResultsReleased { .. } => "ResultsReleased",
        Event::TasksCancelled { .. } => "TasksCancelled",
        Event::ResultUnreadable { .. } => "ResultUnreadable",
        Event::Asked { .. } => "Asked",
        Event::QuestionWithdrawn { .. } => "QuestionWithdrawn",
        Event::SharesReleased { .. } => "SharesReleased",
        Event::FinishRequested { .. } => "FinishRequested",
        Event::WorkerConnected { .. } => "WorkerConnected",
        Event::ResultsClaimed { .. } => "ResultsClaimed",
        Event::ResultAdopted { .. } => "ResultAdopted",
        Event::WorkerGone { .. } => "WorkerGone",
        Event::TaskFinished { .. } => "TaskFinished",
        Event::TaskFailed { .. } => "TaskFailed",
        Event::WorkerPressed { .. } => "WorkerPressed",
        Event::ResultCopied { .. } => "ResultCopied",
        Event::CopyFailed { .. } => "CopyFailed",
        Event::TaskWaits { .. } => "TaskWaits",
        Event::Tick => "Tick",
    }
}
