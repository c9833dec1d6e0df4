//! What the speed tables share: programs under measurement, CPU time, medians, and printing.
#![allow(dead_code, reason = "each table uses its part")]

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Ticks a second of the times in `/proc`; Linux has told programs 100 for as long as it has had `/proc`.
const TICKS: f64 = 100.0;

/// Prints the title of a table with the machine that it was measured on, so that a busy one is seen.
pub fn title(text: &str) {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let (kernel, load) = (read("/proc/sys/kernel/osrelease"), read("/proc/loadavg"));
    let load = load.split(' ').next().unwrap_or_default();
    println!("\n{text}\n  {cores} cores, Linux {}, load {load} before the start", kernel.trim());
}

/// Says why a table or a row is missing.
pub fn skip(what: &str, reason: &str) {
    println!("  skipped {what}: {reason}");
}

/// The release executable; says what is missing where there is none.
pub fn yarn_submit() -> Option<PathBuf> {
    let found = integration::yarn_submit();
    if let Err(error) = &found {
        skip("all rows of ours", &format!("{error} (with --release)"));
    }
    found.ok()
}

/// An example of another crate, built in this profile: in `$BOBBIN_EXAMPLES`, else where cargo puts it.
pub fn example(name: &str, package: &str, profile: &str) -> Option<PathBuf> {
    let given = std::env::var_os("BOBBIN_EXAMPLES").map(|folder| PathBuf::from(folder).join(name));
    // A bench lies in `target/release/deps`.
    let me = std::env::current_exe().ok()?;
    let usual = me.ancestors().nth(3)?.join(profile).join("examples").join(name);
    let found = given.into_iter().chain([usual.clone()]).find(|path| path.is_file());
    if found.is_none() {
        let build = format!("cargo build --profile {profile} -p {package} --example {name}");
        skip(name, &format!("no executable at {}: {build}, or name its folder in BOBBIN_EXAMPLES", usual.display()));
    }
    found
}

/// CPU time of all children that have ended and been waited for.
pub fn children_cpu() -> Duration {
    let line = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 16 and 17 of proc_pid_stat(5); after the name come those from the third on.
    let fields = line.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks: f64 = fields.split(' ').skip(13).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    Duration::from_secs_f64(ticks / TICKS)
}

/// The value in the middle; of an even number the upper one. `None` of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// `median (least-most)`, or a dash.
pub fn spread(values: &[f64]) -> String {
    let Some(middle) = median(values.iter().copied()) else { return "-".to_owned() };
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{middle:.2} ({least:.2}-{most:.2})")
}

/// Prints rows in columns that are as wide as they must be; the first row is the header.
pub fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    for row in rows {
        let mut line = "  ".to_owned();
        for (cell, &width) in row.iter().zip(&widths) {
            // Names to the left, figures to the right.
            line += &if line.trim().is_empty() { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
        }
        println!("{}", line.trim_end());
    }
}
