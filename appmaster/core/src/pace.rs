//! How long alike tasks take: those of a set or, of futures, whose calls come in sets as chance will have it, of all sets that
//! are called so.

use std::collections::BTreeMap;

/// Names that are known apart; tasks of others are compared within their sets.
const MOST_NAMES: usize = 4096;

/// How long alike tasks take.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    tasks: u32,
    done: u32,
    millis: f64,
}

impl Pace {
    /// Of so many tasks.
    pub fn of(tasks: u32) -> Pace {
        Pace { tasks, ..Pace::default() }
    }

    /// One of them took so long.
    pub fn learn(&mut self, millis: f64) {
        self.done = self.done.saturating_add(1);
        self.millis += millis;
    }

    /// Has nobody seen one of them end?
    pub fn is_unknown(&self) -> bool {
        self.done == 0
    }

    /// Milliseconds that one takes, once enough of them are done to tell: half of them, and three.
    pub fn typical(&self) -> Option<f64> {
        let enough = self.done >= 3 && self.done >= self.tasks / 2;
        enough.then(|| self.millis / f64::from(self.done))
    }
}

/// The pace of all tasks that are called so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PaceId(u32);

/// The paces of calls, by the names of their sets.
#[derive(Debug, Default)]
pub(crate) struct Paces {
    numbers: BTreeMap<String, PaceId>,
    rows: Vec<Pace>,
}

impl Paces {
    /// So many more tasks are called so.
    pub fn add(&mut self, name: &str, tasks: u32) -> Option<PaceId> {
        let known = self.numbers.get(name).copied();
        if known.is_none() && self.rows.len() >= MOST_NAMES {
            return None;
        }
        let id = known.unwrap_or_else(|| {
            let id = PaceId(self.rows.len() as u32);
            self.rows.push(Pace::default());
            self.numbers.insert(name.to_owned(), id);
            id
        });
        let row = &mut self.rows[id.0 as usize];
        row.tasks = row.tasks.saturating_add(tasks);
        Some(id)
    }

    /// This pace.
    pub fn get(&self, id: PaceId) -> &Pace {
        &self.rows[id.0 as usize]
    }

    /// One of its tasks took so long.
    pub fn learn(&mut self, id: PaceId, millis: f64) {
        self.rows[id.0 as usize].learn(millis);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_one_name_are_one() {
        let mut paces = Paces::default();
        let first = paces.add("score", 1).unwrap();
        assert_eq!(paces.add("score", 5), Some(first));
        assert_ne!(paces.add("merge", 1), Some(first));
        [10.0, 20.0].into_iter().for_each(|millis| paces.learn(first, millis));
        assert_eq!(paces.get(first).typical(), None, "two are too few");
        paces.learn(first, 30.0);
        assert_eq!(paces.get(first).typical(), Some(20.0));
    }
}
