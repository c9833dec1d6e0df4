//! Submitting: preflight, uploads, the submission. Nothing is uploaded before the cluster would take the request.

use bobbin_appmaster::spec::{EXECUTABLE, LocalizedFile, Visibility};
use bobbin_link::{Authority, AuthorityError, Secret};
use hadoop_client::rpc::CallError;
use hadoop_wire::names::ApplicationId;

use super::cache::{Cache, CacheError, Upload, milliseconds_now};
use super::cluster::Cluster;
use super::digests::{DigestError, Digests};
use super::executable::{ExecutableError, check_executable, executable};
use super::exit;
use super::hdfs::HdfsError;
use super::preflight::{PreflightError, Refusal, preflight};
use super::request::{Localized, Request, Source, program_link};
use super::staging;
use super::submission;
use super::sweep::Sweep;
use super::urls::{Location, UrlError};

/// What has just happened, for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The cluster would take the request, and this is the application's id.
    Checked(ApplicationId),
    /// Bytes of a file that are travelling to HDFS.
    Uploading {
        /// Name under which containers find it.
        link: String,
        /// Bytes since the last such step.
        bytes: u64,
        /// Length of the file.
        total: u64,
    },
    /// The public cache does not serve for a file, which is placed in the user's own.
    NotShared {
        /// Name under which containers find it.
        link: String,
        /// Why not.
        reason: String,
    },
    /// The ResourceManager has it.
    Submitted(ApplicationId),
}

/// An application that was submitted.
#[derive(Clone)]
pub struct Submitted {
    /// Its id.
    pub id: ApplicationId,
    /// Its certificate authority, which issues our own certificate.
    pub authority: Authority,
    /// Its secret.
    pub secret: Secret,
    /// When the submission began, Unix milliseconds.
    pub submitted_ms: u64,
    /// Removes what earlier applications have left behind, beside the run.
    pub sweep: Sweep,
}

/// Why nothing was submitted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The cluster would not take it, or cannot be asked.
    #[error("check the request before anything is uploaded")]
    Preflight(#[from] PreflightError),
    /// There is no executable to ship.
    #[error("ship the executable")]
    Executable(#[from] ExecutableError),
    /// A file to ship cannot be read.
    #[error("ship a file")]
    Digest(#[from] DigestError),
    /// A file that should be on HDFS is not.
    #[error("{link}: {url} does not exist on HDFS; upload it, or write a path without a scheme for a local file")]
    NoSuchFile {
        /// Name in the containers.
        link: String,
        /// Where it should be.
        url: String,
    },
    /// A location is not on HDFS.
    #[error("find a file on HDFS")]
    Location(#[from] UrlError),
    /// A location is on another HDFS than the default one.
    #[error("{url} is not on {file_system}, the cluster's own file system; copy it there, or name another")]
    OtherFileSystem {
        /// The location.
        url: String,
        /// The default file system.
        file_system: String,
    },
    /// The NameNode does not answer.
    #[error("ask the NameNode")]
    NameNode(#[source] CallError),
    /// The user has no home directory.
    #[error(
        "the home directory {0} does not exist, where applications are staged; have it made: hdfs dfs -mkdir {0} && hdfs dfs -chown {1} {0}"
    )]
    NoHome(String, String),
    /// HDFS takes no files of ours.
    #[error("stage files on HDFS")]
    Staging(#[source] HdfsError),
    /// A file cannot be uploaded.
    #[error("upload to HDFS")]
    Cache(#[from] CacheError),
    /// The keys of the application cannot be made.
    #[error("make the application's keys")]
    Authority(#[from] AuthorityError),
    /// The instructions of the application master cannot be written.
    #[error("write the application master's instructions")]
    Spec(#[source] serde_json::Error),
    /// The ResourceManager refuses.
    #[error("submit {id}")]
    Submit {
        /// The application.
        id: ApplicationId,
        /// What it said.
        #[source]
        source: CallError,
    },
}

/// Checks, uploads what is missing, and submits. `watch` hears of each step.
pub async fn submit(
    cluster: &Cluster,
    request: &Request,
    watch: &(dyn Fn(Step) + Send + Sync),
) -> Result<Submitted, SubmitError> {
    let submitted_ms = milliseconds_now();
    // The NameNode is asked by our own client first: where it does not answer, that says so within seconds.
    let (id, home) = tokio::join!(preflight(cluster, request), check_home(cluster));
    let (id, ()) = (id?, home?);
    watch(Step::Checked(id));
    let staging = staging::create(cluster.hdfs(), cluster.home(), id).await.map_err(SubmitError::Staging)?;
    let submitted = submit_staged(cluster, request, Staged { id, staging, submitted_ms }, watch).await;
    if submitted.is_err() {
        // The error is what the user needs to hear; the next sweep removes what this leaves.
        let _ = staging::clean(cluster, id).await;
    }
    submitted
}

/// An application that has its id and its directory, and nothing else.
struct Staged {
    id: ApplicationId,
    staging: String,
    submitted_ms: u64,
}

async fn submit_staged(
    cluster: &Cluster,
    request: &Request,
    staged: Staged,
    watch: &(dyn Fn(Step) + Send + Sync),
) -> Result<Submitted, SubmitError> {
    let Staged { id, staging, submitted_ms } = staged;
    let files = place_files(cluster, request, watch).await?;
    let authority = Authority::generate()?;
    let secret = Secret::generate();
    let spec = submission::spec(cluster, request, staging, files, submitted_ms);
    let tokens = submission::credentials(&spec, &authority, &secret).map_err(SubmitError::Spec)?;
    let context = submission::context(id, request, &spec, tokens)?;
    let answer = cluster.resource_manager().submit(context).await;
    answer.map_err(|source| SubmitError::Submit { id, source })?;
    watch(Step::Submitted(id));
    Ok(Submitted { id, authority, secret, submitted_ms, sweep: Sweep::begin(cluster, &spec.resources) })
}

async fn check_home(cluster: &Cluster) -> Result<(), SubmitError> {
    match cluster.name_node().file_info(cluster.home()).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(SubmitError::NoHome(cluster.home().to_owned(), cluster.user().to_owned())),
        Err(error) => Err(SubmitError::NameNode(error)),
    }
}

/// Everything that containers find in their working directory, on HDFS.
async fn place_files(
    cluster: &Cluster,
    request: &Request,
    watch: &(dyn Fn(Step) + Send + Sync),
) -> Result<Vec<LocalizedFile>, SubmitError> {
    let hdfs = cluster.hdfs().clone();
    let own = Cache::private(hdfs.clone(), cluster.home(), cluster.user());
    let shared = match &request.public_cache {
        Some(root) => Some(Cache::public(hdfs, &public_root(cluster, root)?, cluster.user()).await?),
        None => None,
    };
    let caches = Caches { own, shared };
    let mut wanted =
        vec![Localized { source: Source::Local(executable()?), link: EXECUTABLE.to_owned(), archive: false }];
    if let Some(environment) = &request.environment {
        let source = environment.source.clone();
        let (link, archive) = (environment.link().to_owned(), environment.unpacked_by_yarn);
        wanted.push(Localized { source, link, archive });
    }
    if let Some(path) = &request.program {
        check_executable(path)?;
        wanted.push(Localized { source: Source::Local(path.clone()), link: program_link(path), archive: false });
    }
    wanted.extend(request.resources.iter().cloned());
    let mut files = Vec::with_capacity(wanted.len());
    for file in wanted {
        files.push(match &file.source {
            Source::Local(path) => upload(&caches, path, &file, watch).await?,
            Source::Remote(url) => remote(cluster, url, &file).await?,
        });
    }
    Ok(files)
}

/// Directory of the public cache, which is on the default file system.
fn public_root(cluster: &Cluster, text: &str) -> Result<String, SubmitError> {
    let file_system = cluster.hdfs().file_system();
    let location = Location::parse(text, file_system)?;
    if !location.is_same_file_system(file_system) {
        let (url, file_system) = (location.to_string(), file_system.to_string());
        return Err(SubmitError::OtherFileSystem { url, file_system });
    }
    Ok(location.path().to_owned())
}

/// Where local files go.
struct Caches {
    own: Cache,
    shared: Option<Cache>,
}

async fn upload(
    caches: &Caches,
    path: &std::path::Path,
    file: &Localized,
    watch: &(dyn Fn(Step) + Send + Sync),
) -> Result<LocalizedFile, SubmitError> {
    let owned = path.to_owned();
    let digest = tokio::task::spawn_blocking(move || Digests::open().of(&owned)).await;
    let (digest, size) = digest.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    let upload = Upload { path, link: &file.link, archive: file.archive, digest, size };
    let written = |bytes| watch(Step::Uploading { link: file.link.clone(), bytes, total: size });
    if let Some(shared) = &caches.shared {
        match shared.put(&upload, &written).await {
            Err(error) if error.is_of_others() => {
                watch(Step::NotShared { link: file.link.clone(), reason: error.to_string() });
            }
            placed => return Ok(placed?),
        }
    }
    Ok(caches.own.put(&upload, &written).await?)
}

async fn remote(cluster: &Cluster, url: &str, file: &Localized) -> Result<LocalizedFile, SubmitError> {
    let file_system = cluster.hdfs().file_system();
    let location = Location::parse(url, file_system)?;
    if !location.is_same_file_system(file_system) {
        let file_system = file_system.to_string();
        return Err(SubmitError::OtherFileSystem { url: location.to_string(), file_system });
    }
    let entry = cluster.hdfs().entry(location.path()).await.map_err(SubmitError::Staging)?;
    let Some(entry) = entry.filter(|entry| !entry.is_directory) else {
        return Err(SubmitError::NoSuchFile { link: file.link.clone(), url: location.to_string() });
    };
    Ok(LocalizedFile {
        link: file.link.clone(),
        url: location.to_string(),
        size: entry.size,
        modified_ms: i64::try_from(entry.modified_ms).unwrap_or_default(),
        archive: file.archive,
        visibility: Visibility::Private,
    })
}

impl SubmitError {
    /// The exit code that the contract gives this error.
    pub fn exit_code(&self) -> u8 {
        if let Some(error) = self.call() {
            return exit::of_call(error);
        }
        if let Some(error) = self.hdfs() {
            return exit::of_hdfs(error);
        }
        match self {
            SubmitError::Preflight(PreflightError::Refused(Refusal::NotPermitted { .. })) => exit::PERMISSION,
            SubmitError::Preflight(PreflightError::Refused(Refusal::NoNodes)) => exit::UNAVAILABLE,
            SubmitError::Preflight(PreflightError::Refused(_)) | SubmitError::Location(_) => exit::USAGE,
            SubmitError::OtherFileSystem { .. } => exit::USAGE,
            SubmitError::NoSuchFile { .. } | SubmitError::Digest(_) | SubmitError::Executable(_) => exit::INPUT,
            SubmitError::NoHome(..) | SubmitError::Cache(_) => exit::PERMISSION,
            SubmitError::Preflight(_) | SubmitError::NameNode(_) | SubmitError::Submit { .. } => exit::UNAVAILABLE,
            SubmitError::Staging(_) => exit::UNAVAILABLE,
            SubmitError::Authority(_) | SubmitError::Spec(_) => exit::INTERNAL,
        }
    }

    fn call(&self) -> Option<&CallError> {
        if let SubmitError::Preflight(PreflightError::Call(error))
        | SubmitError::NameNode(error)
        | SubmitError::Submit { source: error, .. } = self
        {
            return Some(error);
        }
        None
    }

    fn hdfs(&self) -> Option<&HdfsError> {
        if let SubmitError::Staging(error) | SubmitError::Cache(CacheError::Upload { source: error, .. }) = self {
            return Some(error);
        }
        None
    }
}
