//! The roles that YARN and `session start` start: the same executable, in containers, or in the background. YARN keeps what they say as the container's logs: a
//! worker's standard error, and `appmaster.log`, because the application master's standard output and error are those of
//! the command that it runs.

use std::ffi::OsString;
use std::process::ExitCode;

use bobbin::machine;
use bobbin::role::{self, Outcome, environment};
use bobbin_appmaster::Container;

use crate::{exit, log};

/// Runs the role that the first word names; `None` when it names none of them.
pub fn run(words: &[OsString]) -> Option<ExitCode> {
    let (name, outcome) = match words.get(1)?.to_str()? {
        "appmaster" => ("application master", on_runtime(2, appmaster())),
        "worker" => ("worker", on_runtime(2, role::worker())),
        machine::ROLE if std::env::var_os(machine::NAME).is_some() => {
            // A worker that was started by one is its child.
            role::task_processes_start_with(&["worker"]);
            ("session", on_runtime(2, machine::host()))
        }
        _ => return None,
    };
    Some(match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("yarn-submit: {name}: {}", exit::chain(error.as_ref()));
            ExitCode::from(exit::Exit::Internal.code())
        }
    })
}

fn on_runtime(threads: usize, role: impl Future<Output = Outcome>) -> Outcome {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(threads).enable_all().build()?.block_on(role)
}

async fn appmaster() -> Outcome {
    let container = Container::take()?;
    let filter = container.spec.workers.log_filter.as_deref();
    role::log_to_file(&container.log_directory.join(log::APPMASTER_LOG), filter)?;
    let outcome = bobbin_appmaster::run(container, Box::new(|| Ok(environment::unpack()?))).await?;
    Ok(if outcome.succeeded { ExitCode::SUCCESS } else { ExitCode::from(exit::Exit::Failed.code()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_roles_are_roles() {
        assert!(run(&["yarn-submit".into(), "sql".into()]).is_none());
        assert!(run(&["yarn-submit".into()]).is_none());
        assert!(run(&["yarn-submit".into(), machine::ROLE.into()]).is_none(), "nobody has started it as one");
    }
}
