//! The upload cache: `<root>/<sha256>/<name>`, written once and reused by later applications, so that neither the
//! gateway nor the nodes copy the same file twice.
//!
//! A file is uploaded under a temporary name and renamed, so what has its final name is whole; it is never written
//! again, because YARN refuses a resource whose modification time has changed. When it was last used, the modification
//! time of its directory says.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use bobbin_appmaster::spec::{LocalizedFile, Visibility};

use super::digests::Digest;
use super::hdfs::{Hdfs, HdfsError, HdfsFailure};

/// Why a file cannot be put into the cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// HDFS does not let us.
    #[error("upload {}", file.display())]
    Upload {
        /// The local file.
        file: PathBuf,
        /// Why not.
        #[source]
        source: HdfsError,
    },
    /// What has the file's hash is something else.
    #[error(
        "{location} has {found} bytes instead of {expected}; something else wrote there: remove it and submit again"
    )]
    Foreign {
        /// Where.
        location: String,
        /// Length there.
        found: u64,
        /// Length of our file.
        expected: u64,
    },
    /// Somebody whom we need not trust owns the file.
    #[error(
        "{location} belongs to {owner}, who is neither you nor the owner of the public cache; remove it or use another --public-cache"
    )]
    Untrusted {
        /// Where.
        location: String,
        /// Whose it is.
        owner: String,
    },
    /// The public cache is not public.
    #[error("--public-cache {cache}: {path} may not be read by everybody; change it with: hdfs dfs -chmod o+rx {path}")]
    NotPublic {
        /// The cache's directory.
        cache: String,
        /// The directory that keeps others out.
        path: String,
    },
    /// The public cache is not there.
    #[error("--public-cache {0} is not a directory; make it with: hdfs dfs -mkdir -p {0} && hdfs dfs -chmod 1777 {0}")]
    NoPublicCache(String),
}

impl CacheError {
    /// Whether other users, not the file or HDFS, are why a shared cache does not serve.
    pub(super) fn is_of_others(&self) -> bool {
        match self {
            CacheError::Foreign { .. } | CacheError::Untrusted { .. } => true,
            CacheError::Upload { source, .. } => matches!(source.failure, HdfsFailure::Denied(_)),
            CacheError::NotPublic { .. } | CacheError::NoPublicCache(_) => false,
        }
    }
}

/// A local file and the name under which containers find it.
#[derive(Clone, Debug)]
pub(super) struct Upload<'a> {
    pub(super) path: &'a Path,
    pub(super) link: &'a str,
    pub(super) archive: bool,
    pub(super) digest: Digest,
    pub(super) size: u64,
}

/// An upload cache on HDFS.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    hdfs: Hdfs,
    root: String,
    visibility: Visibility,
    /// Owners whose files we use.
    trusted: Vec<String>,
}

impl Cache {
    /// The user's own cache.
    pub(super) fn private(hdfs: Hdfs, home: &str, user: &str) -> Cache {
        let root = format!("{home}/.bobbin/cache");
        Cache { hdfs, root, visibility: Visibility::Private, trusted: vec![user.to_owned()] }
    }

    /// A cache that all users share. Every directory on the way must let everybody in.
    pub(super) async fn public(hdfs: Hdfs, root: &str, user: &str) -> Result<Cache, CacheError> {
        let root = root.trim_end_matches('/');
        let look_up = |source| CacheError::Upload { file: PathBuf::from(root), source };
        let ends = root.match_indices('/').map(|(end, _)| end).chain([root.len()]);
        let mut owner = None;
        for end in ends {
            let path = if end == 0 { "/" } else { &root[..end] };
            let entry = hdfs.entry(path).await.map_err(look_up)?.filter(|entry| entry.is_directory);
            let Some(entry) = entry else { return Err(CacheError::NoPublicCache(root.to_owned())) };
            let needed = if end == root.len() { 0o005 } else { 0o001 };
            if entry.permission & needed != needed {
                return Err(CacheError::NotPublic { cache: root.to_owned(), path: path.to_owned() });
            }
            owner = Some(entry.owner);
        }
        let trusted = [Some(user.to_owned()), owner].into_iter().flatten().collect();
        Ok(Cache { hdfs, root: root.to_owned(), visibility: Visibility::Public, trusted })
    }

    /// Where a file is, or will be.
    fn path_of(&self, upload: &Upload<'_>) -> String {
        format!("{}/{}/{}", self.root, upload.digest, safe_name(upload.path))
    }

    /// The file in the cache, uploaded now unless it is there; `uploaded` hears of bytes that travel.
    pub(super) async fn put(
        &self,
        upload: &Upload<'_>,
        uploaded: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<LocalizedFile, CacheError> {
        let failed = |source| CacheError::Upload { file: upload.path.to_owned(), source };
        let path = self.path_of(upload);
        if let Some(file) = self.existing(upload, &path).await? {
            return Ok(file);
        }
        let (folder_mode, file_mode) = self.modes();
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let temporary = format!("{folder}/.{name}.{}.{}.tmp", std::process::id(), milliseconds_now());
        self.hdfs.make_directory(folder, folder_mode).await.map_err(failed)?;
        if let Err(error) = self.hdfs.upload(upload.path, &temporary, file_mode, uploaded).await {
            self.discard(&temporary).await;
            return Err(failed(error));
        }
        match self.hdfs.rename(&temporary, &path).await {
            Ok(()) => {}
            // Somebody else was faster: theirs has the same content.
            Err(HdfsError { failure: HdfsFailure::Exists, .. }) => self.discard(&temporary).await,
            Err(error) => {
                self.discard(&temporary).await;
                return Err(failed(error));
            }
        }
        let missing = || {
            let location = self.hdfs.file_system().at(&path).to_string();
            failed(HdfsError { operation: "look up", location, failure: HdfsFailure::NotFound })
        };
        self.existing(upload, &path).await?.ok_or_else(missing)
    }

    async fn existing(&self, upload: &Upload<'_>, path: &str) -> Result<Option<LocalizedFile>, CacheError> {
        let failed = |source| CacheError::Upload { file: upload.path.to_owned(), source };
        let Some(entry) = self.hdfs.entry(path).await.map_err(failed)? else { return Ok(None) };
        tracing::debug!(link = upload.link, path, "a file is there");
        let location = self.hdfs.file_system().at(path).to_string();
        if entry.size != upload.size || entry.is_directory {
            return Err(CacheError::Foreign { location, found: entry.size, expected: upload.size });
        }
        if !self.trusted.contains(&entry.owner) {
            return Err(CacheError::Untrusted { location, owner: entry.owner });
        }
        self.touch(path).await;
        Ok(Some(LocalizedFile {
            link: upload.link.to_owned(),
            url: location,
            size: entry.size,
            modified_ms: i64::try_from(entry.modified_ms).unwrap_or_default(),
            archive: upload.archive,
            visibility: self.visibility,
        }))
    }

    /// Notes on the file's directory that it is used. Another user's directory refuses, and keeps its own time.
    async fn touch(&self, path: &str) {
        let (folder, _) = path.rsplit_once('/').unwrap_or(("", path));
        if let Err(error) = self.hdfs.set_times(folder, milliseconds_now()).await {
            tracing::debug!(folder, %error, "the time of use is not noted");
        }
    }

    async fn discard(&self, temporary: &str) {
        if let Err(error) = self.hdfs.remove(temporary).await {
            tracing::debug!(temporary, %error, "a temporary file is left until the next sweep");
        }
    }

    fn modes(&self) -> (u32, u32) {
        match self.visibility {
            Visibility::Public => (0o755, 0o644),
            Visibility::Private | Visibility::Application => (0o700, 0o600),
        }
    }
}

/// The file's name, with everything replaced that HDFS or a URL would read otherwise.
fn safe_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._+-".contains(letter);
    name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect()
}

pub(super) fn milliseconds_now() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_suffix_and_lose_what_hurts() {
        assert_eq!(safe_name(Path::new("/a/my env:1.tar.gz")), "my_env_1.tar.gz");
        assert_eq!(safe_name(Path::new("größe.py")), "gr__e.py");
    }
}
