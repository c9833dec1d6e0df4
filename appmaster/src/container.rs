//! What the application master's own container tells it: environment variables of the NodeManager and the token file.

use std::path::PathBuf;

use hadoop_wire::config::Configuration;
use hadoop_wire::credentials::{Credentials, CredentialsError};
use hadoop_wire::names::{ContainerId, ParseIdError};

use crate::spec::{AppMasterSpec, SECRET_AUTHORITY_CERTIFICATE, SECRET_AUTHORITY_KEY, SECRET_SPEC, SECRET_TOKEN};
use bobbin_link::{Authority, Secret};

/// Everything that is known when the process starts.
pub struct Container {
    /// Our own container.
    pub id: ContainerId,
    /// Our host as the ResourceManager names it.
    pub host: String,
    /// Port of the NodeManager's web page.
    pub node_http_port: Option<String>,
    /// Directory for log files that YARN collects.
    pub log_directory: PathBuf,
    /// Path at the ResourceManager's proxy under which our page appears.
    pub proxy_base: Option<String>,
    /// What was submitted.
    pub spec: AppMasterSpec,
    /// The application's certificate authority.
    pub authority: Authority,
    /// The application's secret.
    pub secret: Secret,
    /// All tokens and secrets, as YARN delivered them.
    pub credentials: Credentials,
}

/// The container lacks what an application master needs: it was not started by `yarn-submit` through YARN.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// A variable that the NodeManager always sets is not there.
    #[error("environment variable {0} is not set: this role is started by YARN, not by hand")]
    Variable(&'static str),
    /// `CONTAINER_ID` is no container id.
    #[error("read CONTAINER_ID")]
    Id(#[from] ParseIdError),
    /// The token file cannot be read.
    #[error("read the token file {path}")]
    TokenFile {
        /// Where YARN said that it is.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The token file is not one.
    #[error("read the tokens in {path}")]
    Tokens {
        /// Where YARN said that it is.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: CredentialsError,
    },
    /// A secret of ours is not among the credentials.
    #[error("the credentials hold no {0}: the application was not submitted by yarn-submit")]
    Secret(&'static str),
    /// The spec is not what this executable understands.
    #[error("read the submission; was it made by another version of yarn-submit?")]
    Spec(#[from] serde_json::Error),
}

/// The value of a variable that the NodeManager sets.
pub(crate) fn variable(name: &'static str) -> Result<String, ContainerError> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or(ContainerError::Variable(name))
}

/// Reads the token file that YARN wrote for this process, and removes it: whoever the process starts must not find it.
///
/// # Errors
/// When it is missing or is not a token file.
pub fn take_credentials() -> Result<Credentials, ContainerError> {
    let path = PathBuf::from(variable("HADOOP_TOKEN_FILE_LOCATION")?);
    let bytes = std::fs::read(&path).map_err(|source| ContainerError::TokenFile { path: path.clone(), source })?;
    let credentials =
        Credentials::decode(bytes).map_err(|source| ContainerError::Tokens { path: path.clone(), source })?;
    if let Err(error) = std::fs::remove_file(&path) {
        tracing::warn!(path = %path.display(), %error, "remove the token file");
    }
    Ok(credentials)
}

/// A text secret among credentials.
pub fn text_secret<'a>(credentials: &'a Credentials, alias: &'static str) -> Result<&'a str, ContainerError> {
    let bytes = credentials.secrets.get(alias);
    bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).ok_or(ContainerError::Secret(alias))
}

impl Container {
    /// Whether the cluster wants Kerberos; under simple security everything acts in HDFS as the submitter by name.
    pub fn is_secure(&self) -> bool {
        Configuration::from_map(self.spec.hadoop.clone()).is_secure()
    }

    /// Reads everything; the token file is gone afterwards.
    pub fn take() -> Result<Self, ContainerError> {
        let credentials = take_credentials()?;
        let spec: AppMasterSpec = serde_json::from_str(text_secret(&credentials, SECRET_SPEC)?)?;
        let certificate = text_secret(&credentials, SECRET_AUTHORITY_CERTIFICATE)?;
        let authority = Authority::from_pem(certificate, text_secret(&credentials, SECRET_AUTHORITY_KEY)?);
        let secret = credentials.secrets.get(SECRET_TOKEN).and_then(|bytes| Secret::from_bytes(bytes));
        Ok(Container {
            id: variable("CONTAINER_ID")?.parse()?,
            host: variable("NM_HOST")?,
            node_http_port: std::env::var("NM_HTTP_PORT").ok(),
            log_directory: log_directory()?,
            proxy_base: std::env::var("APPLICATION_WEB_PROXY_BASE").ok(),
            secret: secret.ok_or(ContainerError::Secret(SECRET_TOKEN))?,
            spec,
            authority,
            credentials,
        })
    }
}

/// The first of the container's log directories.
pub fn log_directory() -> Result<PathBuf, ContainerError> {
    let all = variable("LOG_DIRS")?;
    Ok(PathBuf::from(all.split(',').next().unwrap_or(&all)))
}
