//! What the tracking page knows of containers: each from its grant to its end, and where its logs are. It decides nothing;
//! it hears what the core hears.

use std::collections::BTreeMap;

use bobbin_core::{ContainerId, Event, WorkerId};

use super::snapshot::ContainerView;

/// A container that YARN gave us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The core's name of it.
    pub number: ContainerId,
    /// YARN's name of it.
    pub id: String,
    /// Its host.
    pub host: String,
    /// The page of its logs.
    pub logs: String,
    /// Whether the application master itself runs in it.
    pub is_master: bool,
}

/// Ended containers that are kept for the page; the first ones are forgotten first.
const ENDED: usize = 200;

/// All containers of this attempt.
#[derive(Debug, Default)]
pub(super) struct Containers {
    rows: BTreeMap<ContainerId, Row>,
}

#[derive(Debug)]
struct Row {
    sighting: Sighting,
    stage: Stage,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Master,
    Starting,
    /// Of an attempt before this one; its worker has yet to come.
    Kept,
    Running(WorkerId),
    /// Its worker is gone; YARN has yet to say why.
    Lost(String),
    /// YARN has yet to say that it is over.
    GivenBack,
    Ended {
        how: String,
        failed: bool,
    },
}

impl Containers {
    /// Takes note of a grant.
    pub fn see(&mut self, sighting: Sighting) {
        let stage = if sighting.is_master { Stage::Master } else { Stage::Starting };
        self.rows.entry(sighting.number).or_insert(Row { sighting, stage });
    }

    /// Takes note of what is about to be told to the core.
    pub fn hear(&mut self, event: &Event) {
        if let Event::ContainersKept { containers } = event {
            containers.iter().for_each(|(container, _)| self.turn(*container, Stage::Kept));
        } else if let Event::WorkerConnected { worker, container: Some(container), .. } = event {
            self.turn(*container, Stage::Running(*worker));
        } else if let Event::WorkerGone { worker, why } = event {
            let mut rows = self.rows.iter();
            let row = rows.find(|(_, row)| row.stage == Stage::Running(*worker)).map(|(number, _)| *number);
            row.into_iter().for_each(|number| self.turn(number, Stage::Lost(format!("worker lost: {why}"))));
        } else if let Event::ContainerLaunchFailed { container, why } = event {
            self.turn(*container, Stage::Ended { how: format!("not started: {why}"), failed: true });
        } else if let Event::ContainerCompleted { container, exit_status, diagnostics } = event {
            let how = match diagnostics.lines().next().unwrap_or_default() {
                "" => format!("ended, exit status {exit_status}"),
                words => format!("ended, exit status {exit_status}: {words}"),
            };
            let given_back = self.rows.get(container).is_some_and(|row| row.stage == Stage::GivenBack);
            self.turn(*container, Stage::Ended { how, failed: *exit_status != 0 && !given_back });
            self.forget_oldest();
        }
    }

    /// Takes note that the core gives a container back.
    pub fn release(&mut self, container: ContainerId) {
        self.turn(container, Stage::GivenBack);
    }

    /// The page's rows.
    pub fn view(&self) -> Vec<ContainerView> {
        self.rows.values().map(Row::view).collect()
    }

    fn turn(&mut self, container: ContainerId, stage: Stage) {
        if let Some(row) = self.rows.get_mut(&container).filter(|row| !matches!(row.stage, Stage::Ended { .. })) {
            row.stage = stage;
        }
    }

    fn forget_oldest(&mut self) {
        let ended = |row: &Row| matches!(row.stage, Stage::Ended { .. });
        if self.rows.values().filter(|row| ended(row)).count() > ENDED {
            let oldest = self.rows.iter().find(|(_, row)| ended(row)).map(|(number, _)| *number);
            oldest.into_iter().for_each(|number| drop(self.rows.remove(&number)));
        }
    }
}

impl Row {
    fn view(&self) -> ContainerView {
        let (state, failed) = match &self.stage {
            Stage::Master => ("application master".to_owned(), false),
            Stage::Starting => ("starting".to_owned(), false),
            Stage::Kept => ("of an attempt before".to_owned(), false),
            Stage::Running(worker) => (format!("worker {}", worker.0), false),
            Stage::Lost(why) => (why.clone(), false),
            Stage::GivenBack => ("given back".to_owned(), false),
            Stage::Ended { how, failed } => (how.clone(), *failed),
        };
        let Sighting { id, host, logs, .. } = self.sighting.clone();
        ContainerView { id, host, state, failed, logs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(numbers: std::ops::Range<u64>) -> Containers {
        let mut containers = Containers::default();
        for number in numbers {
            containers.see(Sighting {
                number: ContainerId(number),
                id: format!("container_1_0001_01_{number:06}"),
                host: "w1".to_owned(),
                logs: "http://w1:8042/".to_owned(),
                is_master: number == 1,
            });
        }
        containers
    }

    fn ended(number: u64, exit_status: i32) -> Event {
        let diagnostics = "out of memory\nstack".to_owned();
        Event::ContainerCompleted { container: ContainerId(number), exit_status, diagnostics }
    }

    fn states(containers: &Containers) -> Vec<(String, bool)> {
        containers.view().into_iter().map(|view| (view.state, view.failed)).collect()
    }

    #[test]
    fn a_container_is_followed_to_its_end() {
        let mut containers = seen(1..5);
        for (number, worker) in [(2, 7), (3, 8)] {
            let (worker, container) = (WorkerId(worker), Some(ContainerId(number)));
            containers.hear(&Event::WorkerConnected { worker, container, host: "w1".to_owned(), threads: 1 });
        }
        containers.hear(&Event::WorkerGone { worker: WorkerId(7), why: "silent".to_owned() });
        containers.release(ContainerId(3));
        let expect = |state: &str, failed| (state.to_owned(), failed);
        let told = ["application master", "worker lost: silent", "given back", "starting"];
        assert_eq!(states(&containers), told.map(|state| expect(state, false)));
        [2, 3, 4].iter().for_each(|number| containers.hear(&ended(*number, 137)));
        let how = "ended, exit status 137: out of memory";
        assert_eq!(states(&containers)[1..], [expect(how, true), expect(how, false), expect(how, true)]);
        containers.hear(&ended(99, 0));
        assert_eq!(containers.view().len(), 4, "a container that was never granted is nothing");
    }

    #[test]
    fn ended_containers_are_not_kept_for_ever() {
        let count = ENDED as u64 + 10;
        let mut containers = seen(1..count + 1);
        (2..count).for_each(|number| containers.hear(&ended(number, 0)));
        assert_eq!(containers.view().len(), ENDED + 2, "with the master and one that runs");
        assert!(states(&containers).contains(&("application master".to_owned(), false)));
    }
}
