//! `.bobbin/applications/<id>` in the user's home directory: made by the submission, removed by whoever sees the end.

use hadoop_wire::names::ApplicationId;

use super::cluster::Cluster;
use super::hdfs::{Hdfs, HdfsError};

/// The directory of an application's own files.
pub(super) fn directory(home: &str, id: ApplicationId) -> String {
    format!("{home}/.bobbin/applications/{id}")
}

/// Makes the directory of an application, and with it the first proof that we may write.
pub(super) async fn create(hdfs: &Hdfs, home: &str, id: ApplicationId) -> Result<String, HdfsError> {
    let path = directory(home, id);
    hdfs.make_directory(&path, 0o700).await?;
    Ok(path)
}

/// Removes the staging directory of an application that has ended.
pub async fn clean(cluster: &Cluster, id: ApplicationId) -> Result<(), HdfsError> {
    cluster.hdfs().remove(&directory(cluster.home(), id)).await.map(drop)
}
