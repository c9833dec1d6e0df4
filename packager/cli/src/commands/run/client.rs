//! `run --deploy-mode client`: the command on this machine, its workers on the cluster; and `run --master local`.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use bobbin::machine::Place;
use bobbin::yarn::{self, Cluster, Goal, Request, Submitted};
use bobbin::{Driver, Membership, unique};
use bobbin_appmaster::spec::{
    SECRET_AUTHORITY_CERTIFICATE, SECRET_HADOOP, SECRET_LEAF_CERTIFICATE, SECRET_LEAF_KEY, SECRET_TOKEN,
};
use bobbin_link::{Connector, Identity};
use bytes::Bytes;
use hadoop_wire::credentials::Credentials;

use super::submission;
use crate::args::{Isolation, RunArgs};
use crate::exit::{Exit, Failure};
use crate::interrupt::Guarded;
use crate::progress::Display;

/// Runs the command without any application.
pub async fn run_locally(command: &[String], request: &Request, threads: Option<u32>) -> Result<Exit, Failure> {
    let master = threads.map_or("local".to_owned(), |threads| format!("local[{threads}]"));
    let mut variables = request.variables.clone();
    variables.insert("BOBBIN_MASTER".to_owned(), master);
    if !request.worker_resources.is_empty() {
        let amounts: Vec<String> = request.worker_resources.iter().map(ToString::to_string).collect();
        variables.insert("BOBBIN_WORKER_RESOURCES".to_owned(), amounts.join(","));
    }
    execute(command, &variables).await
}

/// Submits an application without a command, runs the command here, and ends the application with it.
pub async fn run_beside(
    cluster: &Cluster,
    request: &Request,
    command: &[String],
    guarded: &Guarded,
    display: &Display,
) -> Result<Exit, Failure> {
    let submitted = submission::submit(cluster, request, guarded, display).await?;
    let address = submission::running(cluster, &submitted, display).await?.address;
    display.clear();
    let internal = |error: &(dyn std::error::Error + 'static)| Failure::of(Exit::Internal, error);
    let identity = submitted.authority.issue("command", &submitted.secret).map_err(|error| internal(&error))?;
    let connector = Connector::new(&identity).map_err(|error| internal(&error))?;
    let driver = Driver::dial(&connector, &address, "run").await;
    let driver = driver.map_err(|error| Failure::of(Exit::Unavailable, &error))?;
    let credentials = CredentialsFile::write(&identity, cluster).map_err(|error| internal(&error))?;
    let mut variables = request.variables.clone();
    variables.extend(bobbin_variables(&submitted, &address, credentials.path(), cluster.user()));
    let outcome = execute(command, &variables).await;
    let (succeeded, diagnostics) = match &outcome {
        Ok(exit) => (exit.code() == 0, format!("the command ended; exit={}", exit.code())),
        Err(failure) => (false, format!("{failure}; exit={}", failure.exit().code())),
    };
    driver.finish(succeeded, diagnostics).await;
    // The command's own outcome is what counts; an application that does not end is swept by YARN's idle time-out.
    let _ = yarn::wait_until(cluster, submitted.id, Goal::Ended, Some(super::super::sql::END_LIMIT), &mut |_| {}).await;
    guarded.release();
    let _ = yarn::clean(cluster, submitted.id).await;
    outcome
}

/// Runs the command as a driver of an application that stays when it ends.
pub async fn run_in_session(cluster: &Cluster, application: &Membership, args: &RunArgs) -> Result<Exit, Failure> {
    let internal = |error: &(dyn std::error::Error + 'static)| Failure::of(Exit::Internal, error);
    let credentials = CredentialsFile::write(&application.identity, cluster).map_err(|error| internal(&error))?;
    let variables = [
        ("BOBBIN_MASTER", "yarn".to_owned()),
        ("BOBBIN_MASTER_ADDRESS", application.address.clone()),
        ("BOBBIN_CREDENTIALS", credentials.path().display().to_string()),
        ("HADOOP_USER_NAME", cluster.user().to_owned()),
    ];
    execute(&args.command, &with_isolation(&variables, args)).await
}

/// Runs the command as a driver of a session on this machine.
pub async fn run_on_machine(place: &Place, args: &RunArgs) -> Result<Exit, Failure> {
    let variables = [
        ("BOBBIN_APPLICATION_ID", place.id()),
        ("BOBBIN_MASTER", "local".to_owned()),
        ("BOBBIN_MASTER_ADDRESS", place.socket().display().to_string()),
    ];
    execute(&args.command, &with_isolation(&variables, args)).await
}

/// These variables, and where functions run, if the user has said it.
fn with_isolation(variables: &[(&str, String)], args: &RunArgs) -> BTreeMap<String, String> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    variables.chain(args.isolation.map(Isolation::variable)).collect()
}

async fn execute(command: &[String], variables: &BTreeMap<String, String>) -> Result<Exit, Failure> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failure::new(Exit::Usage, "the command is empty"));
    };
    let mut process = tokio::process::Command::new(program);
    process.args(arguments).envs(variables).kill_on_drop(true);
    // The command is part of what it was started in; what it starts, too.
    process.env_remove("BOBBIN_SESSION");
    match process.status().await {
        Ok(status) => Ok(Exit::Code(shell_code(status))),
        Err(error) => {
            let exit = if error.kind() == io::ErrorKind::NotFound { Exit::Code(127) } else { Exit::Code(126) };
            Err(Failure::new(exit, format!("start {program}: {error}")))
        }
    }
}

/// The command's own code, or 128 + the signal that ended it.
fn shell_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(Exit::Internal.code())
}

fn bobbin_variables(submitted: &Submitted, address: &str, credentials: &Path, user: &str) -> [(String, String); 5] {
    [
        ("BOBBIN_APPLICATION_ID", submitted.id.to_string()),
        ("BOBBIN_MASTER", "yarn".to_owned()),
        ("BOBBIN_MASTER_ADDRESS", address.to_owned()),
        ("BOBBIN_CREDENTIALS", credentials.display().to_string()),
        ("HADOOP_USER_NAME", user.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

/// A file with what the command shows to its application; gone when this value is.
struct CredentialsFile(PathBuf);

impl CredentialsFile {
    fn write(identity: &Identity, cluster: &Cluster) -> io::Result<CredentialsFile> {
        let hadoop = serde_json::to_vec(cluster.properties()).map_err(io::Error::other)?;
        let secrets = [
            (SECRET_AUTHORITY_CERTIFICATE, Bytes::from(identity.authority_pem.clone())),
            (SECRET_LEAF_CERTIFICATE, Bytes::from(identity.certificate_pem.clone())),
            (SECRET_LEAF_KEY, Bytes::from(identity.key_pem.clone())),
            (SECRET_TOKEN, Bytes::copy_from_slice(identity.secret.as_bytes())),
            (SECRET_HADOOP, Bytes::from(hadoop)),
        ];
        let secrets = secrets.map(|(alias, value)| (alias.to_owned(), value)).into();
        let credentials = Credentials { secrets, ..Credentials::default() };
        let path = std::env::temp_dir().join(format!(".bobbin-credentials-{}", unique()));
        // Never somebody else's file: it must not have been there.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let written = CredentialsFile(path);
        file.write_all(&credentials.encode())?;
        Ok(written)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for CredentialsFile {
    fn drop(&mut self) {
        // Somebody may have tidied up before us.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn code(words: &[&str]) -> u8 {
        let command: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let variables = BTreeMap::from([("A".to_owned(), "b c".to_owned())]);
        match execute(&command, &variables).await {
            Ok(exit) => exit.code(),
            Err(failure) => failure.exit().code(),
        }
    }

    #[tokio::test]
    async fn the_commands_code_is_ours() {
        assert_eq!(code(&["true"]).await, 0);
        assert_eq!(code(&["sh", "-c", "exit 7"]).await, 7);
        assert_eq!(code(&["sh", "-c", "kill -9 $$"]).await, 137);
        assert_eq!(code(&["sh", "-c", "test \"$A\" = 'b c'"]).await, 0);
        assert_eq!(code(&["/nowhere/program"]).await, 127);
        assert_eq!(code(&["/etc/hostname"]).await, 126);
    }
}
