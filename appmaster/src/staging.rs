//! The application's own directory on HDFS: removed when the application is over.

use std::collections::HashMap;
use std::time::Duration;

use hdfs_native::ClientBuilder;
use tracing::{info, warn};

use crate::spec::AppMasterSpec;

/// How long the NameNode may take; whoever submits next sweeps what is left.
const LIMIT: Duration = Duration::from_secs(10);

/// Removes the directory; a failure is logged and left to the sweep of the next submission.
pub async fn remove(spec: &AppMasterSpec) {
    if spec.staging.is_empty() {
        return;
    }
    match tokio::time::timeout(LIMIT, delete(spec)).await {
        Ok(Ok(())) => info!(staging = spec.staging, "staging removed"),
        Ok(Err(error)) => warn!(staging = spec.staging, %error, "remove staging"),
        Err(_) => warn!(staging = spec.staging, "remove staging: no answer within {LIMIT:?}"),
    }
}

async fn delete(spec: &AppMasterSpec) -> Result<(), hdfs_native::HdfsError> {
    let properties: HashMap<String, String> = spec.hadoop.clone().into_iter().collect();
    let (authority, path) = split(&spec.staging);
    let mut builder = ClientBuilder::new().with_config(properties).with_user(spec.user.clone());
    if !authority.is_empty() {
        builder = builder.with_url(authority);
    }
    builder.build()?.delete(path, true).await.map(drop)
}

/// `hdfs://authority` and `/path`; a path alone is on `fs.defaultFS`.
fn split(url: &str) -> (&str, &str) {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let slash = url[after_scheme..].find('/').map_or(url.len(), |at| after_scheme + at);
    url.split_at(slash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split_at_the_path() {
        assert_eq!(split("hdfs://nn:8020/user/a/.bobbin"), ("hdfs://nn:8020", "/user/a/.bobbin"));
        assert_eq!(split("hdfs://ns"), ("hdfs://ns", ""));
        assert_eq!(split("/user/a/.bobbin"), ("", "/user/a/.bobbin"));
    }
}
