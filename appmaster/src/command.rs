//! Running the submitted command: its environment, its credentials, and what its end means.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bobbin_core::Event;
use bobbin_link::AuthorityError;
use bytes::Bytes;
use hadoop_wire::config::Configuration;
use hadoop_wire::credentials::{Credentials, KIND_AM_RM};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::application::Application;
use crate::child::{Child, Ending, Surroundings};
use crate::container::Container;
use crate::environment::Activation;
use crate::spec::{
    Command, SECRET_AUTHORITY_CERTIFICATE, SECRET_HADOOP, SECRET_LEAF_CERTIFICATE, SECRET_LEAF_KEY, SECRET_TOKEN,
};
use crate::unpacking::Unpacking;

/// File with the child's credentials, in the container's working directory.
const CREDENTIALS: &str = ".bobbin-credentials";

/// How long the command may take to end after it has been asked to.
const PATIENCE: Duration = Duration::from_secs(5);

/// The child's credentials could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsFileError {
    /// No certificate for it.
    #[error("make the command's certificate")]
    Certificate(#[from] AuthorityError),
    /// No file for it.
    #[error("write the command's credentials to {path}")]
    Write {
        /// Where.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The working directory is gone.
    #[error("find the container's working directory")]
    Directory(#[source] io::Error),
}

/// The submitted command on a task of its own, if there is one.
pub struct RunningCommand {
    /// Dropped to ask it to end.
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    patience: Duration,
}

impl RunningCommand {
    /// Starts it when its environment is there, and tells the application of its end. `master_address` is where it finds
    /// its application.
    pub fn start(
        container: &Arc<Container>,
        application: &Application,
        master_address: String,
        unpacking: Unpacking,
    ) -> Self {
        let (container, application) = (container.clone(), application.clone());
        let patience = patience(&Configuration::from_map(container.spec.hadoop.clone()));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let Some(command) = &container.spec.command else { return };
            let mut stop = pin!(async move {
                // Nothing is ever sent: the sender's end is the message.
                let _ = stopped.await;
            });
            tokio::select! {
                // Without its environment the application ends; who unpacks it says why.
                unpacked = unpacking.done() => if unpacked.is_err() { return },
                () = &mut stop => return,
            }
            let event = run(&container, command, &master_address, stop).await;
            // When the application is over, nobody needs to know.
            let _ = application.event(event).await;
        });
        RunningCommand { stop, task, patience }
    }

    /// Asks it to end, and waits until it has; whatever is left of it then is killed with this process.
    pub async fn stop(self) {
        drop(self.stop);
        if timeout(self.patience, self.task).await.is_err() {
            warn!("the command does not end when asked to; it is killed");
        }
    }
}

/// How long the command may take to end: YARN kills the whole container at a moment of its own.
fn patience(configuration: &Configuration) -> Duration {
    let yarn = configuration.get_u64("yarn.nodemanager.sleep-delay-before-sigkill.ms", 0).unwrap_or_default();
    PATIENCE.max(Duration::from_millis(yarn))
}

/// Starts the command and waits for its end or for `stop`; says what that means for the application.
///
/// `master_address` is where the command finds its application.
async fn run(container: &Container, command: &Command, master_address: &str, stop: impl Future<Output = ()>) -> Event {
    let surroundings = match surroundings(container, master_address) {
        Ok(surroundings) => surroundings,
        Err(error) => return finish(false, crate::describe(&error)),
    };
    let mut child = match Child::start(command, &surroundings) {
        Ok(child) => child,
        Err(error) => {
            let text = crate::describe(&error);
            // Where the user looks first.
            eprintln!("yarn-submit: {text}");
            return finish(false, format!("{text}; exit={}", error.exit_code()));
        }
    };
    // Its arguments may be secret, and many read this log.
    let (program, arguments) = (command.argv.first(), command.argv.len().saturating_sub(1));
    info!(program, arguments, "the command runs");
    tokio::select! {
        ending = child.wait() => ended(ending),
        () = stop => {
            child.terminate();
            ended(child.wait().await)
        }
    }
}

fn ended(ending: io::Result<Ending>) -> Event {
    match ending {
        Ok(Ending { code: 0 }) => finish(true, "the command succeeded; exit=0".to_owned()),
        Ok(Ending { code }) => finish(false, format!("the command failed; exit={code}")),
        Err(error) => {
            warn!(%error, "wait for the command");
            finish(false, format!("wait for the command: {error}"))
        }
    }
}

fn finish(succeeded: bool, diagnostics: String) -> Event {
    Event::FinishRequested { succeeded, diagnostics }
}

fn surroundings(container: &Container, master_address: &str) -> Result<Surroundings, CredentialsFileError> {
    let directory = std::env::current_dir().map_err(CredentialsFileError::Directory)?;
    let credentials = credentials(container)?;
    let path = directory.join(CREDENTIALS);
    write_private(&path, &credentials.encode())
        .map_err(|source| CredentialsFileError::Write { path: path.clone(), source })?;
    let path = path.display().to_string();
    let activation = container.spec.environment.map(|kind| Activation::of(kind, &directory));
    let inherited = std::env::var("PATH").ok();
    let mut variables = match &activation {
        Some(activation) => activation.variables(&directory.to_string_lossy(), inherited.as_deref()),
        None => BTreeMap::new(),
    };
    let bobbin = [
        ("BOBBIN_APPLICATION_ID", container.id.attempt.application.to_string()),
        ("BOBBIN_MASTER", "yarn".to_owned()),
        ("BOBBIN_MASTER_ADDRESS", master_address.to_owned()),
        ("BOBBIN_CREDENTIALS", path.clone()),
        // Hadoop's own tools look here. Ours has led to the application master's token, which is not in this file.
        ("HADOOP_TOKEN_FILE_LOCATION", path),
    ];
    variables.extend(bobbin.map(|(name, value)| (name.to_owned(), value)));
    if !container.is_secure() {
        variables.insert("HADOOP_USER_NAME".to_owned(), container.spec.user.clone());
    }
    Ok(Surroundings { variables, scripts: activation.and_then(|activation| activation.scripts(&directory)) })
}

/// All tokens but the one for the ResourceManager; an identity of its own; the Hadoop configuration.
fn credentials(container: &Container) -> Result<Credentials, AuthorityError> {
    let identity = container.authority.issue("command", &container.secret)?;
    let hadoop = serde_json::to_vec(&container.spec.hadoop).unwrap_or_default();
    let mut credentials = container.credentials.clone();
    credentials.remove_tokens(KIND_AM_RM);
    credentials.secrets = [
        (SECRET_AUTHORITY_CERTIFICATE, Bytes::from(identity.authority_pem)),
        (SECRET_LEAF_CERTIFICATE, Bytes::from(identity.certificate_pem)),
        (SECRET_LEAF_KEY, Bytes::from(identity.key_pem)),
        (SECRET_TOKEN, Bytes::copy_from_slice(container.secret.as_bytes())),
        (SECRET_HADOOP, Bytes::from(hadoop)),
    ]
    .map(|(alias, value)| (alias.to_owned(), value))
    .into();
    Ok(credentials)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_the_owner_reads_the_credentials() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c");
        write_private(&path, b"x").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_end_of_the_command_is_in_the_diagnostics() {
        let Event::FinishRequested { succeeded, diagnostics } = ended(Ok(Ending { code: 137 })) else { panic!() };
        assert!(!succeeded && diagnostics.contains("exit=137"));
    }
}
