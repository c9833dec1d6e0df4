//! What the scheduler decides on simulated clusters: a line for each scenario. `scenarios [NAME..] [--seed N] [--full]`.

use clap::Parser;
use simulator::{Counting, NAMES, Outcome, Scale, Scenario, run};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Scenarios of the scheduler's core on simulated clusters
#[derive(Debug, Parser)]
struct Arguments {
    /// Scenarios, all if none is named
    names: Vec<String>,
    /// Another seed gives other blocks, times and faults
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// As large as can be: up to 10,000 workers and 10,000,000 tasks; minutes, and gigabytes
    #[arg(long)]
    full: bool,
    /// Small enough to see every event checked
    #[arg(long, conflicts_with = "full")]
    small: bool,
    /// So many hosts, with --tasks
    #[arg(long, requires = "tasks", conflicts_with_all = ["full", "small"])]
    hosts: Option<usize>,
    /// So many tasks that read blocks, with --hosts
    #[arg(long, requires = "hosts")]
    tasks: Option<u32>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let scale = match (arguments.hosts.zip(arguments.tasks), arguments.full, arguments.small) {
        (Some((hosts, tasks)), _, _) => Scale::Exactly { hosts, tasks },
        (None, true, _) => Scale::Full,
        (None, false, true) => Scale::Small,
        (None, false, false) => Scale::Usual,
    };
    for name in &arguments.names {
        if NAMES.iter().all(|known| known.0 != name) {
            eprintln!("{name} is no scenario; there are:");
            NAMES.iter().for_each(|(known, what)| eprintln!("  {known:<11} {what}"));
            std::process::exit(2);
        }
    }
    println!("{}", Outcome::TITLE);
    // Random worlds look for faults, not for figures, and check so much that a large one takes minutes.
    let by_default = |name: &str| arguments.names.is_empty() && name != "random";
    let is_asked = |name: &str| by_default(name) || arguments.names.iter().any(|asked| asked == name);
    for (name, _) in NAMES.iter().filter(|(name, _)| is_asked(name)) {
        if let Some(scenario) = Scenario::new(name, scale, arguments.seed) {
            println!("{}", run(scenario, arguments.seed));
        }
    }
}
