//! What we say about our own doings, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::args::CommonArgs;

/// Libraries' own warnings are about things that our errors say better; the engine's are about the user's data.
const COMMAND_LINE: &str = "error,bobbin_engine=warn,hdfs_native=off,datafusion=off";
/// The application master's own log, beside its standard output and error, which are those of the command.
pub const APPMASTER_LOG: &str = "appmaster.log";

/// The filter of a verbosity, for this process and, where it is not the default, for the application's.
pub fn filter(common: &CommonArgs) -> Option<&'static str> {
    match (common.quiet, common.verbose) {
        (true, _) => Some("off"),
        (false, 0) => None,
        (false, 1) => Some("info,hdfs_native=warn,datafusion=warn"),
        (false, _) => Some("debug,h2=info,rustls=info,datafusion=info,datafusion_optimizer=info,sqlparser=info"),
    }
}

/// Begins to log at the command line. `RUST_LOG` has the last word.
pub fn start(common: &CommonArgs) {
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| filter(common).unwrap_or(COMMAND_LINE).to_owned());
    let events = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(EnvFilter::new(filter));
    bobbin::role::set_subscriber(events.without_time().compact().with_ansi(std::io::stderr().is_terminal()).finish());
}
