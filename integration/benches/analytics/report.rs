//! The tables, as Markdown.

use super::answers::Verdict;
use super::engines::{Cost, Engines};
use super::on_cluster;
use super::questions::QUESTIONS;

/// One row a question, one column an engine.
pub fn speed(engines: &Engines, threads: usize, table: &[Vec<Option<Cost>>]) {
    let plural = if threads == 1 { "thread" } else { "threads" };
    println!(
        "\n{threads} {plural}: CPU-seconds (seconds); ~ approximate, ! WRONG answer; ratios to the best right peer\n"
    );
    let mut header = vec!["question".to_owned()];
    header.extend(engines.names());
    header.extend(["CPU ratio", "time ratio"].map(str::to_owned));
    heading(&header);
    for (question, costs) in QUESTIONS.iter().zip(table) {
        let mut row = vec![question.title.to_owned()];
        row.extend(costs.iter().map(|cost| cost.as_ref().map_or("-".to_owned(), times)));
        row.push(ratio(costs, |cost| cost.cpu));
        row.push(ratio(costs, |cost| cost.wall));
        line(&row);
    }
    println!(
        "\nbobbin: the whole process; others: without their interpreter's start, after one run that is not counted"
    );
    println!("(except in the first row, which is the whole process, for Spark without the Java process's CPU).");
}

/// Most memory of each engine.
pub fn memory(engines: &Engines, table: &[Vec<Option<Cost>>]) {
    println!("\nmost memory with 1 thread, MB (the Python peers' interpreter and libraries are 60-180 of them)\n");
    let mut header = vec!["question".to_owned()];
    header.extend(engines.names());
    heading(&header);
    for (question, costs) in QUESTIONS.iter().zip(table) {
        let mut row = vec![question.title.to_owned()];
        let peak = |cost: &Cost| format!("{:.0}", cost.peak as f64 / 1e6);
        row.extend(costs.iter().map(|cost| cost.as_ref().map_or("-".to_owned(), peak)));
        line(&row);
    }
}

/// What cutting the file into more pieces costs.
pub fn growth(rows: &[(u64, Option<Cost>)]) {
    println!("\nc2 with 1 thread, by the number of splits\n");
    heading(&["splits", "CPU-seconds", "seconds", "peak MB"].map(str::to_owned));
    for (splits, cost) in rows {
        let Some(Cost { cpu, wall, peak, .. }) = cost else { continue };
        let peak = *peak as f64 / 1e6;
        line(&[splits.to_string(), format!("{cpu:.2}"), format!("{wall:.2}"), format!("{peak:.0}")]);
    }
}

/// What tasks on a cluster cost beside a process here.
pub fn cluster(rows: &[on_cluster::Row]) {
    if rows.is_empty() {
        return;
    }
    println!("\nCPU-seconds of all tasks on two workers of a cluster, and of the whole process here\n");
    heading(&["question", "here", "on the cluster", "difference", "ratio"].map(str::to_owned));
    for on_cluster::Row { title, here, there } in rows {
        let numbers = [*here, *there, there - here, there / here].map(|number| format!("{number:.2}"));
        line(&[&[(*title).to_owned()][..], &numbers[..]].concat());
    }
}

fn times(cost: &Cost) -> String {
    let mark = match cost.verdict {
        Verdict::Right => "",
        Verdict::Near => " ~",
        Verdict::Wrong => " !",
    };
    format!("{:.2} ({:.2}){mark}", cost.cpu, cost.wall)
}

/// Ours over the least of the peers that answered right.
fn ratio(costs: &[Option<Cost>], value: fn(&Cost) -> f64) -> String {
    let Some((Some(ours), peers)) = costs.split_first() else { return "-".to_owned() };
    let right = peers.iter().flatten().filter(|cost| cost.verdict != Verdict::Wrong);
    match right.map(value).min_by(f64::total_cmp) {
        Some(best) if best > 0.0 => format!("{:.2}", value(ours) / best),
        _ => "-".to_owned(),
    }
}

fn heading(cells: &[String]) {
    line(cells);
    line(&vec!["---".to_owned(); cells.len()]);
}

fn line(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}
