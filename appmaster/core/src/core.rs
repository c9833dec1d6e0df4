//! The state machine's front: one event in, actions out.

use crate::action::Action;
use crate::config::Config;
use crate::event::Event;
use crate::ids::{JobId, TaskId, Time};
use crate::progress::{Pace, Progress, Summary};

/// Every decision of one application. See the crate's documentation.
#[derive(Debug)]
pub struct Core {
    config: Config,
}

impl Core {
    /// A core at the start of its application.
    pub fn new(config: Config) -> Core {
        Core { config }
    }

    /// Take one event at this moment and append what is to be done, in order.
    pub fn handle(&mut self, now: Time, event: Event, actions: &mut Vec<Action>) {
        let _ = (now, event, actions, &self.config);
    }

    /// How often the ResourceManager should be called now.
    pub fn pace(&self) -> Pace {
        Pace::Slow
    }

    /// Share of all tasks that are done, 0 to 1: what the ResourceManager shows.
    pub fn fraction_done(&self) -> f32 {
        0.0
    }

    /// The state of a job that is not forgotten.
    pub fn progress(&self, now: Time, job: JobId) -> Option<Progress> {
        let _ = (now, job);
        None
    }

    /// The application at a glance.
    pub fn summary(&self) -> Summary {
        Summary::default()
    }

    /// Why nothing runs, while nothing runs; else empty.
    pub fn waiting_for(&self, now: Time) -> String {
        let _ = now;
        String::new()
    }

    /// What this task does now, and why it does not run if it does not.
    pub fn explain(&self, now: Time, task: TaskId) -> String {
        let _ = (now, task);
        String::new()
    }

    /// Has the application ended? After [`Action::Finish`] only stops and releases follow.
    pub fn is_finished(&self) -> bool {
        false
    }
}
