//! Tasks that do not simply take their turn: some go first or last, some may run on few workers only.
//!
//! Task sets with equal wishes are one class. A class lists its ready tasks itself, apart from those of all others
//! (`ready`): what a worker gets of them, and when, is decided in `core/special`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::event::TaskOptions;
use crate::hosts::Hosts;
use crate::ids::{DriverId, HostId, TaskId, Time};

/// What a task takes of its worker while it runs: numbers of resources, each with an amount.
pub(crate) type Takes = Arc<[(usize, u64)]>;

/// A class by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClassId(u32);

/// How urgent tasks are: priority, then generation.
pub(crate) type Rank = (i32, u32);

/// The rank of usual tasks.
pub(crate) const USUAL: Rank = (0, 0);

/// The tasks of one class that are of one driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LineId {
    pub class: ClassId,
    pub driver: DriverId,
}

/// What the tasks of a class have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Class {
    /// Higher goes first; usual tasks have 0.
    pub priority: i32,
    /// Of the same priority, deeper ones go first.
    pub generation: u32,
    /// The only hosts where they may run; none for all.
    pub only_on: Vec<HostId>,
    pub takes: Takes,
}

/// Ready tasks of one class and one driver.
#[derive(Debug, Default)]
struct Line {
    tasks: BTreeSet<TaskId>,
    /// The tasks at each of their hosts.
    by_host: BTreeMap<HostId, BTreeSet<TaskId>>,
}

/// One class and its ready tasks.
#[derive(Debug)]
struct Row {
    class: Class,
    /// None of them empty.
    lines: BTreeMap<DriverId, Line>,
    /// Since when there has been no worker where they may run, and no hope of one.
    hopeless_since: Option<Time>,
}

/// All classes, and the ready tasks of each.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    rows: Vec<Row>,
    numbers: BTreeMap<Class, ClassId>,
    /// Those with ready tasks, the most urgent first.
    active: BTreeSet<(Reverse<Rank>, ClassId)>,
    /// Ready tasks of all classes.
    count: usize,
}

/// What the tasks of a set ask for and no worker has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lacking {
    pub name: String,
    pub asked: u64,
    pub each_has: u64,
}

impl Class {
    /// May they wait in a worker's queue? What few workers may run, or what takes of a worker, would keep it from others.
    pub fn may_queue(&self) -> bool {
        self.only_on.is_empty() && self.takes.is_empty()
    }

    /// How urgent are they?
    pub fn rank(&self) -> Rank {
        (self.priority, self.generation)
    }

    /// May they run there?
    pub fn may_run_on(&self, host: HostId) -> bool {
        self.only_on.is_empty() || self.only_on.contains(&host)
    }
}

impl Classes {
    /// The class of tasks with these options, if they are no usual ones; `resources` is what each worker has.
    pub fn of(
        &mut self,
        options: &TaskOptions,
        resources: &[(String, u64)],
        hosts: &mut Hosts,
    ) -> Result<Option<ClassId>, Lacking> {
        let mut takes = BTreeMap::new();
        for (name, asked) in options.resources.iter().filter(|(_, asked)| *asked > 0) {
            let found = resources.iter().position(|(other, _)| other == name);
            let each_has = found.map_or(0, |number| resources[number].1);
            let sum: &mut u64 = takes.entry(found.unwrap_or(usize::MAX)).or_default();
            *sum = sum.saturating_add(*asked);
            if *sum > each_has {
                return Err(Lacking { name: name.clone(), asked: *sum, each_has });
            }
        }
        let only_on: BTreeSet<HostId> = options.only_on.iter().map(|name| hosts.intern(name)).collect();
        let class = Class {
            priority: options.priority,
            generation: options.generation,
            only_on: only_on.into_iter().collect(),
            takes: takes.into_iter().collect(),
        };
        let usual = class.priority == 0 && class.generation == 0 && class.may_queue();
        Ok((!usual).then(|| self.number(class)))
    }

    fn number(&mut self, class: Class) -> ClassId {
        if let Some(&known) = self.numbers.get(&class) {
            return known;
        }
        let number = ClassId(self.rows.len() as u32);
        self.numbers.insert(class.clone(), number);
        self.rows.push(Row { class, lines: BTreeMap::new(), hopeless_since: None });
        number
    }

    /// Hosts that turned out to be others: (old, new). Before tasks are listed anew.
    pub fn merge_hosts(&mut self, merged: &[(HostId, HostId)]) {
        for row in &mut self.rows {
            let new = |host: &HostId| merged.iter().find(|(old, _)| old == host).map_or(*host, |&(_, new)| new);
            row.class.only_on = row.class.only_on.iter().map(new).collect::<BTreeSet<_>>().into_iter().collect();
        }
        let numbered = (0..).map(ClassId).zip(&self.rows);
        self.numbers = numbered.map(|(number, row)| (row.class.clone(), number)).collect();
    }

    /// This class.
    pub fn get(&self, class: ClassId) -> &Class {
        &self.rows[class.0 as usize].class
    }

    /// List a task that is not listed.
    pub fn insert(&mut self, line: LineId, task: TaskId, places: &[HostId]) {
        let row = &mut self.rows[line.class.0 as usize];
        let there = row.lines.entry(line.driver).or_default();
        self.count += usize::from(there.tasks.insert(task));
        for &host in places {
            there.by_host.entry(host).or_default().insert(task);
        }
        self.active.insert((Reverse(row.class.rank()), line.class));
    }

    /// Take a listed task out. True if its line has none any more.
    pub fn remove(&mut self, line: LineId, task: TaskId, places: &[HostId]) -> bool {
        let row = &mut self.rows[line.class.0 as usize];
        let Some(there) = row.lines.get_mut(&line.driver) else { return false };
        self.count -= usize::from(there.tasks.remove(&task));
        for host in places {
            if let Some(tasks) = there.by_host.get_mut(host) {
                tasks.remove(&task);
                if tasks.is_empty() {
                    there.by_host.remove(host);
                }
            }
        }
        if !there.tasks.is_empty() {
            return false;
        }
        row.lines.remove(&line.driver);
        if row.lines.is_empty() {
            row.hopeless_since = None;
            self.active.remove(&(Reverse(row.class.rank()), line.class));
        }
        true
    }

    /// No task is listed any more.
    pub fn clear(&mut self) {
        self.active.clear();
        self.count = 0;
        for row in &mut self.rows {
            row.lines.clear();
        }
    }

    /// Classes with ready tasks, the most urgent first.
    pub fn active(&self) -> impl Iterator<Item = ClassId> {
        self.active.iter().map(|&(_, class)| class)
    }

    /// The lines of all classes with ready tasks, the most urgent first.
    pub fn lines(&self) -> impl Iterator<Item = LineId> {
        self.active().flat_map(|class| self.lines_of(class))
    }

    fn lines_of(&self, class: ClassId) -> impl Iterator<Item = LineId> {
        self.rows[class.0 as usize].lines.keys().map(move |&driver| LineId { class, driver })
    }

    /// The ready tasks of a class.
    pub fn tasks(&self, class: ClassId) -> impl Iterator<Item = TaskId> {
        self.rows[class.0 as usize].lines.values().flat_map(|line| line.tasks.iter().copied())
    }

    /// The ready tasks of a line, the first one first.
    pub fn in_line(&self, line: LineId) -> impl Iterator<Item = TaskId> {
        let there = self.rows[line.class.0 as usize].lines.get(&line.driver);
        there.into_iter().flat_map(|there| there.tasks.iter().copied())
    }

    /// Those of them that have places on this host.
    pub fn at(&self, line: LineId, host: HostId) -> impl Iterator<Item = TaskId> {
        let there = self.rows[line.class.0 as usize].lines.get(&line.driver);
        there.and_then(|there| there.by_host.get(&host)).into_iter().flatten().copied()
    }

    /// Hosts that are places of ready tasks.
    pub fn hosts(&self) -> impl Iterator<Item = HostId> {
        let lines = self.active().flat_map(|class| self.rows[class.0 as usize].lines.values());
        lines.flat_map(|line| line.by_host.keys().copied())
    }

    /// Hosts without which some ready tasks never run.
    pub fn required_hosts(&self) -> BTreeSet<HostId> {
        self.active().flat_map(|class| self.get(class).only_on.iter().copied()).collect()
    }

    /// How many tasks are ready.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Note whether there is hope for a class now; how long there has been none.
    pub fn note_hope(&mut self, class: ClassId, hope: bool, now: Time) -> Option<Time> {
        let since = &mut self.rows[class.0 as usize].hopeless_since;
        if hope {
            *since = None;
        } else {
            since.get_or_insert(now);
        }
        *since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(priority: i32, resources: &[(&str, u64)]) -> TaskOptions {
        let resources = resources.iter().map(|&(name, amount)| (name.to_owned(), amount)).collect();
        TaskOptions { priority, resources, ..TaskOptions::default() }
    }

    #[test]
    fn equal_wishes_are_one_class() {
        let (mut classes, mut hosts) = (Classes::default(), Hosts::default());
        let has = [("GPU".to_owned(), 2000)];
        let mut of = |options: &TaskOptions| classes.of(options, &has, &mut hosts);
        assert_eq!(of(&TaskOptions { retries: 3, ..TaskOptions::default() }), Ok(None));
        let urgent = of(&options(1, &[])).unwrap();
        assert_eq!(of(&options(1, &[("GPU", 0)])), Ok(urgent));
        assert_ne!(of(&options(1, &[("GPU", 1)])), Ok(urgent));
        let lacking = |name: &str, asked, each_has| Err(Lacking { name: name.into(), asked, each_has });
        assert_eq!(of(&options(0, &[("GPU", 1500), ("GPU", 1000)])), lacking("GPU", 2500, 2000));
        assert_eq!(of(&options(0, &[("TPU", 1)])), lacking("TPU", 1, 0));
    }

    #[test]
    fn the_most_urgent_come_first() {
        let (mut classes, mut hosts) = (Classes::default(), Hosts::default());
        let mut of = |priority, generation| {
            let options = TaskOptions { priority, generation, ..TaskOptions::default() };
            let class = classes.of(&options, &[], &mut hosts).unwrap().unwrap();
            classes.insert(LineId { class, driver: DriverId(1) }, TaskId(generation), &[]);
            class
        };
        let (last, deep, deeper, first) = (of(-1, 9), of(0, 1), of(0, 2), of(4, 0));
        assert_eq!(classes.active().collect::<Vec<_>>(), [first, deeper, deep, last]);
        assert!(classes.remove(LineId { class: deeper, driver: DriverId(1) }, TaskId(2), &[]));
        assert_eq!((classes.active().count(), classes.len()), (3, 3));
    }
}
