//! What a cluster query took, printed at its end.

use bobbin_proto::Progress;

use crate::units;

/// Unix times in milliseconds that only the command knows.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// When the command started.
    pub started_ms: u64,
    /// When the ResourceManager had the application.
    pub submitted_ms: u64,
    /// When the last row was written.
    pub answered_ms: u64,
}

/// Lines of a query that ran in the application `id`.
pub fn lines(id: &str, progress: &Progress, times: Times) -> Vec<String> {
    let since = |milliseconds: u64| match milliseconds.checked_sub(times.started_ms) {
        Some(elapsed) if milliseconds > 0 => format!("{}.{:03} s", elapsed / 1000, elapsed % 1000),
        _ => "-".to_owned(),
    };
    let metrics = progress.metrics.clone().unwrap_or_default();
    let mut lines = vec![
        format!(
            "{id}: submitted {}, registered {}, first container {}, first task {}, last task {}, answer {}",
            since(times.submitted_ms),
            since(progress.registered_ms),
            since(progress.first_container_ms),
            since(progress.first_task_ms),
            since(progress.last_task_ms),
            since(times.answered_ms),
        ),
        format!(
            "splits: {} node-local, {} rack-local, {} remote; tasks: {}, retries: {}; CPU: {:.3} s",
            progress.node_local,
            progress.rack_local,
            progress.remote,
            tasks(progress),
            progress.retries,
            metrics.cpu_micros as f64 / 1e6,
        ),
        format!(
            "read: {} short-circuit, {} local socket, {} remote; skipped: {}",
            units::bytes(metrics.bytes_short_circuit),
            units::bytes(metrics.bytes_local_socket),
            units::bytes(metrics.bytes_remote),
            units::bytes(metrics.bytes_skipped),
        ),
    ];
    lines.extend(metrics.fallbacks.iter().map(|reason| format!("slower read: {reason}")));
    lines
}

/// How many tasks there were, and how many of them nobody needed.
fn tasks(progress: &Progress) -> String {
    match progress.tasks_skipped {
        0 => progress.tasks.to_string(),
        skipped => format!("{} ({skipped} not needed)", progress.tasks),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bobbin_proto::TaskMetrics;

    #[test]
    fn each_step_and_each_way_of_reading_is_named() {
        let progress = Progress {
            tasks: 10,
            tasks_skipped: 4,
            node_local: 9,
            registered_ms: 10_800,
            first_container_ms: 11_100,
            first_task_ms: 11_250,
            last_task_ms: 13_000,
            retries: 1,
            metrics: Some(TaskMetrics {
                bytes_short_circuit: 300_000_000,
                cpu_micros: 1_234_000,
                fallbacks: vec!["w2: short-circuit: no socket".to_owned()],
                ..TaskMetrics::default()
            }),
            ..Progress::default()
        };
        let times = Times { started_ms: 10_000, submitted_ms: 10_026, answered_ms: 13_204 };
        let expected = [
            "app: submitted 0.026 s, registered 0.800 s, first container 1.100 s, first task 1.250 s, last task 3.000 s, answer 3.204 s",
            "splits: 9 node-local, 0 rack-local, 0 remote; tasks: 10 (4 not needed), retries: 1; CPU: 1.234 s",
            "read: 286.1 MiB short-circuit, 0 B local socket, 0 B remote; skipped: 0 B",
            "slower read: w2: short-circuit: no socket",
        ];
        assert_eq!(lines("app", &progress, times), expected);
    }

    #[test]
    fn what_never_happened_is_a_dash() {
        let times = Times { started_ms: 1000, submitted_ms: 1500, answered_ms: 0 };
        let lines = lines("app", &Progress::default(), times);
        assert!(lines[0].contains("registered -") && lines[0].ends_with("answer -"), "{}", lines[0]);
    }
}
