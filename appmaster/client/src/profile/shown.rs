//! Profiles for people, and for the tools that draw flame graphs.

use std::fmt;
use std::io::{self, Write};

use super::Profile;
use super::calls::{Call, TaskProfile, is_plumbing};

/// Columns of a terminal that says nothing else.
const WIDTH: usize = 80;
/// Columns of the two shares.
const SHARES: usize = 13;
/// Functions with a smaller share of their task's samples are left out, in percent.
const LEAST_PERCENT: u64 = 1;
/// Columns by which calls are moved to the right, at most.
const DEEPEST: usize = 20;

impl Profile {
    /// Writes one line for each stack, `task;function;function samples`, as tools that draw flame graphs read them.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_folded(&self, to: &mut impl Write) -> io::Result<()> {
        for task in self.tasks() {
            let mut stack = vec![folded_name(&task.name)];
            task.calls.iter().try_for_each(|call| fold(call, &mut stack, to))?;
        }
        Ok(())
    }
}

fn fold(call: &Call, stack: &mut Vec<String>, to: &mut impl Write) -> io::Result<()> {
    stack.push(folded_name(&call.function));
    if call.own > 0 {
        writeln!(to, "{} {}", stack.join(";"), call.own)?;
    }
    call.calls.iter().try_for_each(|call| fold(call, stack, to))?;
    stack.pop();
    Ok(())
}

/// `[u8; 4]` is a type, and no two frames.
fn folded_name(name: &str) -> String {
    name.replace(';', ",").replace('\n', " ")
}

impl fmt::Display for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = formatter.width().unwrap_or(WIDTH).max(SHARES + DEEPEST);
        let tasks = self.tasks();
        if tasks.is_empty() {
            writeln!(formatter, "no task was found running")?;
        }
        for (number, task) in tasks.iter().enumerate() {
            if number > 0 {
                writeln!(formatter)?;
            }
            show_task(task, width, formatter)?;
        }
        for (worker, why) in &self.missing {
            writeln!(formatter, "\nworker {worker} is missing: {why}")?;
        }
        for module in self.nameless() {
            writeln!(
                formatter,
                "\n{} (build {}) has no symbols here: give Profile::resolve the executable before it was stripped",
                module.path, module.identity
            )?;
        }
        Ok(())
    }
}

impl Profile {
    /// Programs of which no function has a name.
    fn nameless(&self) -> impl Iterator<Item = &bobbin_task::profile::Module> {
        let samples = self.tree.samples();
        let is_nameless = |number: usize| {
            let mut frames =
                samples.frames.iter().zip(&self.functions).filter(move |(frame, _)| frame.module as usize == number);
            frames.all(|(_, functions)| functions.is_empty())
        };
        samples
            .modules
            .iter()
            .enumerate()
            .filter(move |(number, module)| module.is_program && is_nameless(*number))
            .map(|(_, module)| module)
    }
}

fn show_task(task: &TaskProfile, width: usize, to: &mut fmt::Formatter<'_>) -> fmt::Result {
    let seconds = task.time.as_secs_f64();
    let on_core = task.on_core.map(|share| format!(", {:.0} % on a core", share * 100.0)).unwrap_or_default();
    writeln!(to, "{}: {} samples ({seconds:.1} s{on_core})", task.name, task.samples)?;
    writeln!(to, " self% total%  function")?;
    task.calls.iter().try_for_each(|call| show(call, (task.samples, 0), width, to))
}

fn show(call: &Call, (all, depth): (u64, usize), width: usize, to: &mut fmt::Formatter<'_>) -> fmt::Result {
    if call.total * 100 < all * LEAST_PERCENT {
        return Ok(());
    }
    // Rust's own ways from one function to the next say nothing.
    let passes_on = call.own == 0 && call.calls.len() == 1 && is_plumbing(&call.function);
    if passes_on {
        return call.calls.iter().try_for_each(|call| show(call, (all, depth), width, to));
    }
    let percent = |samples: u64| samples as f64 * 100.0 / all.max(1) as f64;
    let indent = depth.min(DEEPEST);
    let place = call.place.as_ref().map(|(file, line)| format!(" {}:{line}", short_path(file))).unwrap_or_default();
    let room = width.saturating_sub(SHARES + 2 + indent);
    let name = ending(&call.function, room.saturating_sub(place.chars().count()).max(room / 2));
    let place = if name.chars().count() + place.chars().count() > room { String::new() } else { place };
    writeln!(to, "{:6.1} {:6.1}  {:indent$}{name}{place}", percent(call.own), percent(call.total), "")?;
    call.calls.iter().try_for_each(|call| show(call, (all, depth + 1), width, to))
}

/// A path without the directories that are the same for all.
fn short_path(file: &str) -> &str {
    let mut parts = file.rmatch_indices('/');
    parts.nth(1).map_or(file, |(at, _)| &file[at + 1..])
}

/// The last letters of a name, which say most.
fn ending(name: &str, room: usize) -> String {
    let letters = name.chars().count();
    if letters <= room {
        return name.to_owned();
    }
    std::iter::once('…').chain(name.chars().skip(letters - room.saturating_sub(1))).collect()
}

#[cfg(test)]
mod tests {
    use bobbin_task::profile::{Frame, Module, Node, ROOT, Samples, TaskSamples, Tree};

    use super::super::file::Function;
    use super::*;

    /// `count` calls `add` at two lines, and reads; the last one has no name.
    fn profile() -> Profile {
        let module =
            |path: &str, is_program| Module { path: path.into(), identity: format!("id of {path}"), is_program };
        let task = |name: &str, samples| {
            let wall_ns = samples * 10_000_000;
            TaskSamples { name: name.into(), samples, wall_ns, measured_ns: wall_ns, cpu_ns: wall_ns / 4 }
        };
        let node = |task, parent, frame, samples| Node { task, parent, frame, samples };
        let samples = Samples {
            modules: vec![module("/bin/program", true), module("/lib/libc.so.6", false)],
            frames: (0..5).map(|number| Frame { module: u32::from(number == 4), address: 0x10 + number }).collect(),
            tasks: vec![task("app::wait", 2), task("app::count", 198)],
            nodes: vec![
                node(1, ROOT, 0, 0),
                node(1, 0, 1, 1),
                node(1, 1, 2, 100),
                node(1, 1, 3, 96),
                node(1, 1, 4, 1),
                node(0, ROOT, 4, 2),
            ],
            is_running: true,
        };
        let mut tree = Tree::default();
        tree.merge(&samples);
        let function = |name: &str, line| {
            vec![Function { name: name.into(), file: Some("/home/a/app/src/main.rs".into()), line: Some(line) }]
        };
        let functions = vec![
            function("<core::future::PollFn as core::future::Future>::poll", 1),
            function("app::count", 12),
            function("app::a::very::long::path::of::modules::and::then::add", 20),
            function("app::a::very::long::path::of::modules::and::then::add", 21),
            Vec::new(),
        ];
        Profile { tree, functions, missing: vec![(7, "it is gone".into())] }
    }

    #[test]
    fn people_see_shares_of_functions() {
        let shown = "\
app::count: 198 samples (2.0 s, 25 % on a core)
 self% total%  function
   0.5  100.0  app::count src/main.rs:12
  99.0   99.0   …and::then::add src/main.rs:20

app::wait: 2 samples (0.0 s, 25 % on a core)
 self% total%  function
 100.0  100.0  libc.so.6+0x14

worker 7 is missing: it is gone
";
        assert_eq!(format!("{:46}", profile()), shown);
        let wide = format!("{:100}", profile());
        assert!(
            wide.contains("  99.0   99.0   app::a::very::long::path::of::modules::and::then::add src/main.rs:20\n"),
            "{wide}"
        );
    }

    #[test]
    fn tools_read_whole_stacks() {
        let mut folded = Vec::new();
        profile().write_folded(&mut folded).unwrap();
        let folded = String::from_utf8(folded).unwrap();
        let lines = [
            "app::count;app::count 1",
            "app::count;app::count;app::a::very::long::path::of::modules::and::then::add 196",
            "app::count;app::count;libc.so.6+0x14 1",
            "app::wait;libc.so.6+0x14 2",
        ];
        assert_eq!(folded.lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn a_program_without_names_says_so() {
        let mut profile = profile();
        profile.functions.iter_mut().for_each(Vec::clear);
        let shown = profile.to_string();
        assert!(
            shown.contains("  program+0x10\n")
                && shown.contains("\n/bin/program (build id of /bin/program) has no symbols"),
            "{shown}"
        );
    }
}
