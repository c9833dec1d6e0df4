//! Samples as trees of functions: who calls whom, whatever the line.

use std::collections::BTreeMap;
use std::time::Duration;

use bobbin_task::profile::{Node, ROOT, Samples};

use super::file::{Function, Functions};

/// What was found of the tasks of one name.
#[derive(Clone, Debug)]
pub struct TaskProfile {
    /// The function's path, unless its attribute says otherwise; `plan` of those of queries.
    pub name: String,
    /// How often a thread was found running one.
    pub samples: u64,
    /// The time for which these stand, of all threads together.
    pub time: Duration,
    /// The share of it in which a core was used, from 0 to 1; nothing where it was too short to be known.
    pub on_core: Option<f64>,
    /// Its outermost functions, those with the most samples first.
    pub calls: Vec<Call>,
}

/// A function that was called by the one above it.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its path, or the file and the address in it (`program+0x1234`) where its name is not known.
    pub function: String,
    /// Where in it most samples were, if that is known: the file as the compiler was told it, and the line.
    pub place: Option<(String, u32)>,
    /// Samples that found it running itself.
    pub own: u64,
    /// Those and all of what it called.
    pub total: u64,
    /// What it called, those with the most samples first.
    pub calls: Vec<Call>,
}

/// A call while samples are added to it.
#[derive(Default)]
struct Growing {
    own: u64,
    total: u64,
    places: BTreeMap<(String, u32), u64>,
    calls: BTreeMap<String, Growing>,
}

/// All tasks.
pub(super) fn tasks(samples: &Samples, functions: &[Functions]) -> Vec<TaskProfile> {
    let mut roots: Vec<Growing> = samples.tasks.iter().map(|_| Growing::default()).collect();
    for node in samples.nodes.iter().filter(|node| node.samples > 0) {
        let path = path(samples, node);
        let named = path.iter().flat_map(|node| named(samples, functions, node.frame));
        // What runs the task's function is no part of it.
        let mut named = named.skip_while(|function| is_plumbing(&function.name)).peekable();
        if let Some(first) = named.peek_mut().filter(|first| is_of_a_task(&first.name)) {
            first.name.clone_from(&samples.tasks[node.task as usize].name);
        }
        // Unless it is all that there is.
        let alone = named.peek().is_none().then(|| named_last(samples, functions, node));
        roots[node.task as usize].add(named.chain(alone), node.samples);
    }
    let mut tasks: Vec<TaskProfile> = samples
        .tasks
        .iter()
        .zip(roots)
        .map(|(row, root)| TaskProfile {
            name: row.name.clone(),
            samples: row.samples,
            time: Duration::from_nanos(row.wall_ns),
            on_core: (row.measured_ns > 0).then(|| (row.cpu_ns as f64 / row.measured_ns as f64).min(1.0)),
            calls: root.calls(),
        })
        .collect();
    tasks.sort_by(|one, other| other.samples.cmp(&one.samples).then_with(|| one.name.cmp(&other.name)));
    tasks
}

/// From the outermost frame to this one. Nodes come after their parents, so that there is an end.
fn path<'a>(samples: &'a Samples, node: &'a Node) -> Vec<&'a Node> {
    let parent = |node: &&'a Node| if node.parent == ROOT { None } else { samples.nodes.get(node.parent as usize) };
    let mut path: Vec<&Node> = std::iter::successors(Some(node), parent).collect();
    path.reverse();
    path
}

fn named(samples: &Samples, functions: &[Functions], frame: u32) -> Functions {
    let known = &functions[frame as usize];
    if !known.is_empty() {
        return known.clone();
    }
    let frame = samples.frames[frame as usize];
    let module = &samples.modules[frame.module as usize];
    let name = module.path.rsplit('/').next().unwrap_or_default();
    let name = if module.identity.is_empty() { name.to_owned() } else { format!("{name}+{:#x}", frame.address) };
    vec![Function { name, file: None, line: None }]
}

fn named_last(samples: &Samples, functions: &[Functions], node: &Node) -> Function {
    let unknown = || Function { name: "?".to_owned(), file: None, line: None };
    named(samples, functions, node.frame).pop().unwrap_or_else(unknown)
}

/// Functions of Rust's library, and those of ours that call the task's.
pub(super) fn is_plumbing(name: &str) -> bool {
    let name = name.trim_start_matches(['<', '&']);
    let ours = ["core::", "alloc::", "std::", "bobbin_task::profile::", "bobbin_task::function::call::", "__rust_"];
    ours.iter().any(|ours| name.starts_with(ours)) || name.contains("::_::call::{")
}

/// What `#[bobbin::task]` makes of a function has the same name for each.
fn is_of_a_task(name: &str) -> bool {
    let name = name.trim_end_matches("::{{closure}}").trim_end_matches("::{closure#0}");
    name.ends_with("::_::body")
}

impl Growing {
    fn add(&mut self, functions: impl Iterator<Item = Function>, samples: u64) {
        let mut here = self;
        for Function { name, file, line } in functions {
            here = here.calls.entry(name).or_default();
            here.total += samples;
            if let Some(place) = file.zip(line) {
                *here.places.entry(place).or_default() += samples;
            }
        }
        here.own += samples;
    }

    fn calls(self) -> Vec<Call> {
        let mut calls: Vec<Call> = self
            .calls
            .into_iter()
            .map(|(function, growing)| {
                let Growing { own, total, .. } = growing;
                let place = growing.places.iter().max_by_key(|(_, samples)| **samples).map(|(place, _)| place.clone());
                Call { function, place, own, total, calls: growing.calls() }
            })
            .collect();
        // Equal ones are in the order of their names.
        calls.sort_by_key(|call| std::cmp::Reverse(call.total));
        calls
    }
}
