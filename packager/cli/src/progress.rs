//! The line that shows how far things are, on a terminal; silent elsewhere.

use std::time::{Duration, Instant};

use bobbin::yarn::{Application, State, Step};
use bobbin_packager::Packed;
use bobbin_proto::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::CommonArgs;
use crate::{terminal, units};

/// Shows steps, states and progress. Cheap to clone.
#[derive(Clone)]
pub struct Display {
    line: ProgressBar,
    is_loud: bool,
    is_quiet: bool,
}

impl Display {
    /// A line on standard error if a person watches it and has not asked for silence. With `-v`, changes of state are
    /// printed where nobody watches, too.
    pub fn new(common: &CommonArgs) -> Display {
        let shows = terminal::is_watched() && !common.quiet;
        let target = if shows { ProgressDrawTarget::stderr_with_hz(5) } else { ProgressDrawTarget::hidden() };
        let line = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_msg}") {
            line.set_style(style);
        }
        if shows {
            line.enable_steady_tick(Duration::from_millis(200));
        }
        Display { line, is_loud: common.verbose > 0 && !common.quiet && !shows, is_quiet: common.quiet }
    }

    /// Whether there is a line to see.
    pub fn is_shown(&self) -> bool {
        !self.line.is_hidden()
    }

    /// Replaces what the line says.
    pub fn say(&self, text: impl Into<String>) {
        self.line.set_message(text.into());
    }

    /// Prints a line that stays, to whoever watches or has asked for more.
    pub fn mark(&self, text: &str) {
        if self.is_loud {
            terminal::note(text);
        } else {
            self.line.println(text);
        }
    }

    /// Prints a line that stays, to everybody who has not asked for silence.
    pub fn tell(&self, text: &str) {
        if self.is_shown() {
            self.line.println(text);
        } else if !self.is_quiet {
            terminal::note(text);
        }
    }

    /// Shows a step of a submission.
    pub fn step(&self, step: &Step) {
        match step {
            Step::Checked(_) => self.say("checked; placing files on HDFS"),
            Step::Uploading { link, bytes, total } => {
                self.line.set_length(*total);
                self.line.inc(*bytes);
                let (done, total) = (units::bytes(self.line.position()), units::bytes(*total));
                self.say(format!("uploading {link}: {done} of {total}"));
                if self.line.position() >= self.line.length().unwrap_or_default() {
                    self.line.set_position(0);
                }
            }
            Step::NotShared { link, reason } => {
                self.tell(&format!(
                    "yarn-submit: {link} is not shared with other users, but placed in your own cache: {reason}"
                ));
            }
            Step::Submitted(id) => self.mark(&format!("submitted {id}")),
        }
    }

    /// Shows how far the packing of an environment is.
    pub fn packing(&self, progress: &bobbin_packager::Progress) {
        let bobbin_packager::Progress { files, all_files, bytes, all_bytes } = *progress;
        let (done, all) = (units::bytes(bytes), units::bytes(all_bytes));
        self.say(format!("packing: {files} of {all_files} files, {done} of {all}"));
    }

    /// Says what was packed.
    pub fn packed(&self, name: &str, packed: &Packed) {
        let (content, bytes) = (units::bytes(packed.preview.content), units::bytes(packed.bytes));
        let (files, seconds) = (packed.preview.files, packed.elapsed.as_secs_f64());
        let noun = if files == 1 { "file" } else { "files" };
        self.tell(&format!("packed {name}: {files} {noun}, {content}, as {bytes} in {seconds:.1} s"));
    }

    /// Shows the state of an application.
    pub fn state(&self, application: &Application) {
        let Application { id, state, .. } = application;
        match application.waiting_for() {
            Some(reason) => self.say(format!("{id} {}: {reason}", state.name())),
            None if *state == State::Running => {
                self.mark(&format!("{id} {}  {}", state.name(), application.tracking_url));
                self.say(format!("{id} runs"));
            }
            None => self.mark(&format!("{id} {}", state.name())),
        }
    }

    /// Shows the progress of a query that began at `began`.
    pub fn query(&self, progress: &Progress, began: Instant) {
        self.say(line(progress, began.elapsed()));
    }

    /// Removes the line.
    pub fn clear(&self) {
        self.line.finish_and_clear();
    }
}

/// `tasks 12/40, 1.2 GiB, 350.0 MiB/s, 98 % node-local, 3/4 containers`
fn line(progress: &Progress, elapsed: Duration) -> String {
    if progress.tasks_done == 0 && progress.tasks_running == 0 && !progress.waiting_for.is_empty() {
        return format!("waiting: {}", progress.waiting_for);
    }
    let metrics = progress.metrics.clone().unwrap_or_default();
    let read =
        metrics.bytes_short_circuit + metrics.bytes_local_socket + metrics.bytes_remote + metrics.bytes_local_file;
    let rate = (read as f64 / elapsed.as_secs_f64().max(0.001)) as u64;
    let mut parts = vec![
        format!("tasks {}/{}", progress.tasks_done, progress.tasks),
        units::bytes(read),
        format!("{}/s", units::bytes(rate)),
    ];
    let placed = progress.node_local + progress.rack_local + progress.remote;
    if placed > 0 {
        parts.push(format!("{} % node-local", u64::from(progress.node_local) * 100 / u64::from(placed)));
    }
    if progress.containers_wanted > 0 {
        parts.push(format!("{}/{} containers", progress.containers_running, progress.containers_wanted));
    }
    if progress.retries > 0 {
        parts.push(format!("{} retries", progress.retries));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bobbin_proto::TaskMetrics;

    #[test]
    fn the_line_says_what_runs_or_why_nothing_does() {
        let waiting = Progress { tasks: 4, waiting_for: "queue default is full".to_owned(), ..Progress::default() };
        assert_eq!(line(&waiting, Duration::from_secs(1)), "waiting: queue default is full");
        let running = Progress {
            tasks: 40,
            tasks_done: 12,
            node_local: 11,
            remote: 1,
            containers_wanted: 4,
            containers_running: 3,
            metrics: Some(TaskMetrics {
                bytes_short_circuit: 3 << 29,
                bytes_remote: 1 << 29,
                ..TaskMetrics::default()
            }),
            ..Progress::default()
        };
        let expected = "tasks 12/40, 2.0 GiB, 1.0 GiB/s, 91 % node-local, 3/4 containers";
        assert_eq!(line(&running, Duration::from_secs(2)), expected);
    }
}
