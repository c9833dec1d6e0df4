//! What became of an application, in words.

use super::application::{Application, Outcome};

/// Lines of diagnostics that are told; YARN appends pages of them.
const DIAGNOSTIC_LINES: usize = 12;
/// Characters of each of them.
const DIAGNOSTIC_WIDTH: usize = 300;

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
