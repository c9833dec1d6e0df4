//! `wait`: the end of an application, and its exit code.

use bobbin::yarn::{self, Application, Cluster, Goal, Outcome};
use hadoop_wire::names::ApplicationId;

use super::session::machine;
use crate::args::ApplicationArgs;
use crate::exit::{Exit, Failure};
use crate::progress::Display;
use crate::{cluster, terminal};

/// Lines of diagnostics that are printed; YARN appends pages of them.
const DIAGNOSTIC_LINES: usize = 12;
/// Characters of each of them.
const DIAGNOSTIC_WIDTH: usize = 300;

/// Runs the subcommand.
pub async fn run(args: ApplicationArgs) -> Result<Exit, Failure> {
    if let Some(place) = machine::named(&args.application) {
        return machine::wait(&args, &place?).await;
    }
    let id = cluster::application(&args.application)?;
    let cluster = cluster::cluster(&args.common)?;
    let display = Display::new(&args.common);
    until_end(&cluster, id, &display).await
}

/// Waits for the end, shows what happens on the way, and says why where it did not end well.
pub async fn until_end(cluster: &Cluster, id: ApplicationId, display: &Display) -> Result<Exit, Failure> {
    let mut show = |application: &Application| display.state(application);
    let outcome = yarn::wait_until(cluster, id, Goal::Ended, None, &mut show).await;
    display.clear();
    let application = outcome?;
    let outcome = application.outcome.unwrap_or(Outcome::Failed(None));
    if outcome != Outcome::Succeeded {
        terminal::note(explanation(&application));
    }
    Ok(Exit::Code(outcome.exit_code()))
}

/// What happened, what YARN says about it, what to do next.
pub fn explanation(application: &Application) -> String {
    format!("yarn-submit: {}\nits output: yarn-submit logs {}", account(application), application.id)
}

/// What happened, what YARN says about it, and the way out where we know one.
pub fn account(application: &Application) -> String {
    let id = application.id;
    let what = match application.outcome {
        Some(Outcome::Killed) => "was killed".to_owned(),
        Some(Outcome::Failed(Some(code))) => format!("failed: its command ended with exit code {code}"),
        Some(Outcome::Succeeded) => "has ended".to_owned(),
        Some(Outcome::Failed(None)) | None => "failed".to_owned(),
    };
    // A dump of the processes follows a container that used too much memory.
    let told = application.diagnostics.split("Dump of the process-tree").next().unwrap_or_default();
    let lines: Vec<&str> = told.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut text = format!("{id} {what}");
    for line in lines.iter().take(DIAGNOSTIC_LINES) {
        text.push_str("\n  ");
        text.extend(line.trim_end().chars().take(DIAGNOSTIC_WIDTH));
    }
    if lines.len() > DIAGNOSTIC_LINES {
        text.push_str("\n  ...");
    }
    if let Some(advice) = master_exit_status(&application.diagnostics).and_then(advice) {
        text.push('\n');
        text.push_str(advice);
    }
    text
}

/// The number behind the last `exitCode:` in the diagnostics, where YARN records the end of the application master's
/// container. It tells nowhere else.
fn master_exit_status(diagnostics: &str) -> Option<i32> {
    let (_, rest) = diagnostics.rsplit_once("exitCode:")?;
    let rest = rest.trim_start();
    let end = rest.find(|letter: char| !(letter.is_ascii_digit() || letter == '-')).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// What the end of an application master's container means, and the way out.
fn advice(status: i32) -> Option<&'static str> {
    match status {
        -104 => Some(
            "its application master, with the command that it runs, used more memory than its container has: ask for \
             more with --master-memory",
        ),
        -103 => Some(
            "its application master, with the command that it runs, used more virtual memory than its container allows \
             (yarn.nodemanager.vmem-pmem-ratio): ask for more with --master-memory",
        ),
        137 => Some(
            "its application master was killed by signal 9, by somebody or because its host was out of memory: submit it \
             again; a larger --max-attempts lets YARN start it again by itself",
        ),
        143 => Some(
            "its application master was ended by signal 15, by its NodeManager or by somebody: submit it again; a \
             larger --max-attempts lets YARN start it again by itself",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_master_is_explained() {
        let told = |status: i32| {
            format!("Application x failed 1 times due to AM Container for y exited with  exitCode: {status}\nFailing")
        };
        for (status, words) in
            [(-104, "--master-memory"), (-103, "virtual memory"), (137, "signal 9"), (143, "signal 15")]
        {
            let found = master_exit_status(&told(status)).and_then(advice);
            assert!(found.is_some_and(|advice| advice.contains(words)), "{status}: {found:?}");
        }
        assert_eq!(master_exit_status(&told(1)).and_then(advice), None);
        assert_eq!(master_exit_status("exit=137"), None);
    }
}
