//! What a sequential run of a graph gives: the naive way, one task after the other.
//!
//! A task's value is made of its number and of the values that it reads, in order: whoever reads something else, or in
//! another order, has another value.

use std::collections::BTreeMap;
use std::ops::Range;

use bobbin_core::InputRange;

use super::plan::{Plan, mix};

/// The values of one job.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    /// Each task's value.
    pub(super) values: Vec<u64>,
    /// Tasks without which there are enough rows. Nobody may depend on them.
    pub(super) needless: Vec<bool>,
}

impl Answers {
    pub(super) fn of(plan: &Plan) -> Answers {
        let needless = needless(plan);
        let mut answers = Answers { values: Vec::new(), needless };
        let mut ranges = BTreeMap::new();
        for task in 0..plan.len() {
            let mut value = begin(task);
            for input in plan.inputs(task) {
                let key = (input.first, input.count);
                let range = *ranges.entry(key).or_insert_with(|| {
                    let members = input.first..input.first + input.count;
                    fold(
                        members
                            .filter(|&member| !answers.needless[member as usize])
                            .map(|member| answers.value(member)),
                    )
                });
                value = read(value, input, range);
            }
            answers.values.push(value);
        }
        answers
    }

    pub(super) fn value(&self, task: u32) -> u64 {
        self.values[task as usize]
    }
}

/// A task's value before it has read anything.
pub(super) fn begin(task: u32) -> u64 {
    mix(1, u64::from(task))
}

/// The value of consecutive results.
pub(super) fn fold(values: impl Iterator<Item = u64>) -> u64 {
    values.fold(2, mix)
}

/// A task's value after it has read this part of such results.
pub(super) fn read(value: u64, input: &InputRange, range: u64) -> u64 {
    mix(mix(value, range), u64::from(input.part))
}

fn needless(plan: &Plan) -> Vec<bool> {
    let mut needless = vec![false; plan.len() as usize];
    for (tasks, rows_wanted) in plan.sets() {
        if let Some(wanted) = rows_wanted.filter(|&rows| rows > 0) {
            for task in enough_at(plan, tasks.clone(), wanted)..tasks.end {
                needless[task as usize] = true;
            }
        }
    }
    needless
}

/// The first task that need not run.
fn enough_at(plan: &Plan, tasks: Range<u32>, wanted: u64) -> u32 {
    let mut rows = 0;
    for task in tasks.clone() {
        if rows >= wanted {
            return task;
        }
        rows += plan.rows(task);
    }
    tasks.end
}

#[cfg(test)]
mod tests {
    use super::super::plan::Cost;
    use super::*;

    fn plan(first: u32, part: u32) -> Plan {
        let mut plan = Plan::new(0, 1);
        plan.stage("scan", vec![Vec::new(); 4], Cost::default());
        plan.stage("merge", vec![vec![InputRange { first, count: 3, part, job: None }]], Cost::default());
        plan
    }

    #[test]
    fn values_tell_what_was_read() {
        let value = |first, part| Answers::of(&plan(first, part)).value(4);
        assert_eq!(value(0, 0), value(0, 0));
        assert_ne!(value(0, 0), value(1, 0));
        assert_ne!(value(0, 0), value(0, 1));
    }

    #[test]
    fn enough_rows_make_the_rest_needless() {
        let mut plan = Plan::new(0, 1);
        plan.stage("scan", vec![Vec::new(); 9], Cost { rows: 4, ..Cost::default() });
        plan.enough(1);
        let first = (0..9).find(|&task| plan.rows(task) > 0).unwrap();
        let needless = Answers::of(&plan).needless;
        assert_eq!(needless.iter().position(|&needless| needless), Some(first as usize + 1));
    }
}
