//! Samples, and the tree in which they are counted: of a worker, of its children, of all workers.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// The most nodes of a tree; what comes after counts for its task alone.
const MOST_NODES: usize = 200_000;

/// No node: the parent of outermost frames.
pub const ROOT: u32 = u32::MAX;

/// What was found, some times a second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Samples {
    /// Where the frames' code is from.
    pub modules: Vec<Module>,
    /// Places in it.
    pub frames: Vec<Frame>,
    /// Tasks by their names.
    pub tasks: Vec<TaskSamples>,
    /// Who calls whom; parents come before their children.
    pub nodes: Vec<Node>,
    /// Are more taken?
    pub is_running: bool,
}

/// An executable, a library, or what is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// Where the file is, on one of the hosts where it is.
    pub path: String,
    /// Which build it is; empty of what is no file.
    pub identity: String,
    /// Is it the program itself?
    pub is_program: bool,
}

/// A place in a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// Which module.
    pub module: u32,
    /// The address as the file counts it, of the instruction that runs or calls.
    pub address: u64,
}

/// What was found of the tasks of one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSamples {
    /// Their name.
    pub name: String,
    /// How often they were found running.
    pub samples: u64,
    /// The time for which these stand, nanoseconds.
    pub wall_ns: u64,
    /// Of so much of that time it is known how long they had a core.
    pub measured_ns: u64,
    /// So long.
    pub cpu_ns: u64,
}

/// A frame that was called by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Of which task.
    pub task: u32,
    /// Who called it; [`ROOT`] for nobody.
    pub parent: u32,
    /// Where.
    pub frame: u32,
    /// How often it was the innermost one.
    pub samples: u64,
}

/// One sample, or several of the same place.
pub(super) struct Sample<'a> {
    pub name: &'a str,
    /// The outermost first.
    pub frames: &'a [(Module, u64)],
    pub count: u64,
    pub wall_ns: u64,
    /// How long the thread had a core since its sample before, and how long that is ago.
    pub cpu: Option<(u64, u64)>,
}

/// Counts samples.
#[derive(Debug, Default)]
pub struct Tree {
    samples: Samples,
    /// By what they are: a build is the same one wherever its file is.
    modules: HashMap<(String, bool), u32>,
    frames: HashMap<Frame, u32>,
    tasks: HashMap<String, u32>,
    nodes: HashMap<(u32, u32, u32), u32>,
}

impl Tree {
    /// What it has counted.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    pub(super) fn add(&mut self, sample: &Sample<'_>) {
        let task = self.task(sample.name);
        let row = &mut self.samples.tasks[task as usize];
        row.samples += sample.count;
        row.wall_ns += sample.wall_ns;
        if let Some((cpu_ns, measured_ns)) = sample.cpu {
            row.cpu_ns += cpu_ns;
            row.measured_ns += measured_ns;
        }
        let mut parent = ROOT;
        for (module, address) in sample.frames {
            let module = self.module(module);
            let frame = self.frame(Frame { module, address: *address });
            let Some(node) = self.node(task, parent, frame) else { break };
            parent = node;
        }
        self.count(parent, sample.count);
    }

    /// Counts what another one has counted.
    pub fn merge(&mut self, other: &Samples) {
        self.samples.is_running |= other.is_running;
        let modules: Vec<u32> = other.modules.iter().map(|module| self.module(module)).collect();
        // What a peer sends may name anything.
        let at = |list: &[u32], number: u32| list.get(number as usize).copied();
        let known = |frame: &Frame| Some(Frame { module: at(&modules, frame.module)?, address: frame.address });
        let frames: Vec<Option<Frame>> = other.frames.iter().map(known).collect();
        let frames: Vec<Option<u32>> = frames.into_iter().map(|frame| Some(self.frame(frame?))).collect();
        let mut tasks = Vec::with_capacity(other.tasks.len());
        for theirs in &other.tasks {
            let number = self.task(&theirs.name);
            let ours = &mut self.samples.tasks[number as usize];
            let TaskSamples { samples, wall_ns, measured_ns, cpu_ns, .. } = ours;
            *samples = samples.saturating_add(theirs.samples);
            *wall_ns = wall_ns.saturating_add(theirs.wall_ns);
            *measured_ns = measured_ns.saturating_add(theirs.measured_ns);
            *cpu_ns = cpu_ns.saturating_add(theirs.cpu_ns);
            tasks.push(number);
        }
        let mut nodes: Vec<u32> = Vec::with_capacity(other.nodes.len());
        for node in &other.nodes {
            let parent = if node.parent == ROOT { Some(ROOT) } else { at(&nodes, node.parent) };
            let frame = frames.get(node.frame as usize).copied().flatten();
            let place = at(&tasks, node.task).zip(parent).zip(frame);
            // Where there is no room, its caller has its samples.
            let found = place.and_then(|((task, parent), frame)| self.node(task, parent, frame));
            let found = found.or(parent).unwrap_or(ROOT);
            self.count(found, node.samples);
            nodes.push(found);
        }
    }

    fn count(&mut self, node: u32, samples: u64) {
        if let Some(node) = self.samples.nodes.get_mut(node as usize) {
            node.samples = node.samples.saturating_add(samples);
        }
    }

    fn module(&mut self, module: &Module) -> u32 {
        let is_known = !module.identity.is_empty();
        let key = (if is_known { &module.identity } else { &module.path }.clone(), is_known);
        *self.modules.entry(key).or_insert_with(|| push(&mut self.samples.modules, module.clone()))
    }

    fn frame(&mut self, frame: Frame) -> u32 {
        *self.frames.entry(frame).or_insert_with(|| push(&mut self.samples.frames, frame))
    }

    fn task(&mut self, name: &str) -> u32 {
        if let Some(number) = self.tasks.get(name) {
            return *number;
        }
        let row = TaskSamples { name: name.to_owned(), samples: 0, wall_ns: 0, measured_ns: 0, cpu_ns: 0 };
        let number = push(&mut self.samples.tasks, row);
        self.tasks.insert(name.to_owned(), number);
        number
    }

    /// Nothing when there are too many.
    fn node(&mut self, task: u32, parent: u32, frame: u32) -> Option<u32> {
        if let Some(node) = self.nodes.get(&(task, parent, frame)) {
            return Some(*node);
        }
        if self.samples.nodes.len() >= MOST_NODES {
            return None;
        }
        let number = push(&mut self.samples.nodes, Node { task, parent, frame, samples: 0 });
        self.nodes.insert((task, parent, frame), number);
        Some(number)
    }
}

/// Its number in the list.
fn push<T>(list: &mut Vec<T>, row: T) -> u32 {
    list.push(row);
    (list.len() - 1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(path: &str, identity: &str) -> Module {
        Module { path: path.to_owned(), identity: identity.to_owned(), is_program: true }
    }

    fn add(tree: &mut Tree, name: &str, frames: &[(Module, u64)]) {
        tree.add(&Sample { name, frames, count: 2, wall_ns: 20, cpu: Some((3, 4)) });
    }

    #[test]
    fn what_workers_found_comes_together() {
        let (mut one, mut other) = (Tree::default(), Tree::default());
        // One build in two places, and calls of which one goes further.
        add(&mut one, "a", &[(module("/1/program", "id"), 10), (module("/1/program", "id"), 20)]);
        add(&mut other, "b", &[(module("/2/program", "id"), 30)]);
        add(&mut other, "a", &[(module("/2/program", "id"), 10)]);
        one.merge(other.samples());
        let samples = one.samples();
        assert_eq!(samples.modules, [module("/1/program", "id")]);
        assert_eq!(samples.frames.iter().map(|frame| frame.address).collect::<Vec<_>>(), [10, 20, 30]);
        let row = |name: &str, count: u64| TaskSamples {
            name: name.to_owned(),
            samples: 2 * count,
            wall_ns: 20 * count,
            measured_ns: 4 * count,
            cpu_ns: 3 * count,
        };
        assert_eq!(samples.tasks, [row("a", 2), row("b", 1)]);
        let node = |task, parent, frame| Node { task, parent, frame, samples: 2 };
        assert_eq!(samples.nodes, [node(0, ROOT, 0), node(0, 0, 1), node(1, ROOT, 2)]);
    }

    #[test]
    fn what_makes_no_sense_is_no_harm() {
        let node = |task, parent, frame| Node { task, parent, frame, samples: u64::MAX };
        let samples = Samples {
            modules: vec![module("/program", "id")],
            frames: vec![Frame { module: 9, address: 1 }, Frame { module: 0, address: 2 }],
            tasks: vec![TaskSamples { name: "a".into(), samples: u64::MAX, wall_ns: 1, measured_ns: 1, cpu_ns: 1 }],
            nodes: vec![node(0, 0, 1), node(7, ROOT, 1), node(0, ROOT, 0), node(0, ROOT, 9), node(0, ROOT, 1)],
            is_running: true,
        };
        let mut tree = Tree::default();
        tree.merge(&samples);
        tree.merge(&samples);
        assert_eq!(tree.samples().nodes, [node(0, ROOT, 0)], "one is left");
        assert_eq!(tree.samples().frames, [Frame { module: 0, address: 2 }]);
    }
}
