//! The bar that shows how much of an environment is packed, on a terminal; silent elsewhere.

use std::time::Duration;

use bobbin_packager::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::CommonArgs;
use crate::terminal;

/// Files, bytes and rate. Cheap to clone.
#[derive(Clone)]
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar on standard error, if a person watches it and has not asked for silence.
    pub fn new(common: &CommonArgs) -> Bar {
        let shows = terminal::is_watched() && !common.quiet;
        let target = if shows { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let template = "{elapsed:>4} [{wide_bar}] {bytes}/{total_bytes} {binary_bytes_per_sec} {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        if shows {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Bar(bar)
    }

    /// Shows how far packing is.
    pub fn show(&self, progress: &Progress) {
        self.0.set_length(progress.all_bytes);
        self.0.set_position(progress.bytes);
        self.0.set_message(format!("{}/{} files", progress.files, progress.all_files));
    }

    /// Removes the bar.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}
