//! The environment that YARN does not unpack: one copy a node for all containers of the application, and a link to it in
//! each container's working directory.

use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use bobbin_appmaster::spec::{ENVIRONMENT, PACKED_ENVIRONMENT};
use bobbin_packager::{SharedError, UnpackOptions, unpack_shared};
use rustix::fs::{Access, access};

/// Its name in the application's directory on the node.
const SHARED: &str = "bobbin-environment";

/// Why a container has no environment.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// A variable that the NodeManager always sets is not there.
    #[error("environment variable {0} is not set: this role is started by YARN, not by hand")]
    Variable(&'static str),
    /// The archive is not where YARN puts it.
    #[error("find the packed environment on {node}")]
    NoArchive {
        /// Our host.
        node: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// No disk takes it.
    #[error("unpack the environment on {node}: none of the application's directories can be written: {directories}")]
    NoDirectory {
        /// Our host.
        node: String,
        /// The directories.
        directories: String,
    },
    /// It cannot be unpacked.
    #[error("{archive} on {node}")]
    Unpack {
        /// Name of the archive.
        archive: String,
        /// Our host.
        node: String,
        /// Why not.
        #[source]
        source: Box<SharedError>,
    },
    /// The working directory takes no link.
    #[error("link the environment into the working directory")]
    Link(#[source] io::Error),
}

/// Unpacks the environment, unless another container has, and links it into the working directory. Takes its time.
pub fn unpack() -> Result<(), EnvironmentError> {
    let variable = |name: &'static str| std::env::var(name).map_err(|_| EnvironmentError::Variable(name));
    unpack_into(Path::new("."), &variable("LOCAL_DIRS")?, variable("NM_HOST")?)
}

fn unpack_into(working: &Path, local_directories: &str, node: String) -> Result<(), EnvironmentError> {
    let found = std::fs::canonicalize(working.join(PACKED_ENVIRONMENT));
    let archive = match found {
        Ok(archive) => archive,
        Err(source) => return Err(EnvironmentError::NoArchive { node, source }),
    };
    let Some(directory) = shared_directory(local_directories) else {
        return Err(EnvironmentError::NoDirectory { node, directories: local_directories.to_owned() });
    };
    let destination = directory.join(SHARED);
    match unpack_shared(&archive, &destination, &UnpackOptions::default()) {
        Ok(unpacked_here) => tracing::info!(destination = %destination.display(), unpacked_here, "the environment"),
        Err(source) => {
            let archive = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Err(EnvironmentError::Unpack { archive, node, source: Box::new(source) });
        }
    }
    link(&destination, &working.join(ENVIRONMENT)).map_err(EnvironmentError::Link)
}

/// The one of the application's directories that all its containers choose: YARN names them in any order.
fn shared_directory(local_directories: &str) -> Option<PathBuf> {
    let mut directories: Vec<&str> = local_directories.split(',').filter(|directory| !directory.is_empty()).collect();
    directories.sort_unstable();
    let is_usable = |directory: &&str| access(*directory, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    directories.into_iter().find(is_usable).map(PathBuf::from)
}

/// YARN may start a container again in the same directory.
fn link(destination: &Path, link: &Path) -> io::Result<()> {
    match symlink(destination, link) {
        Err(_) if std::fs::read_link(link).is_ok_and(|target| target == destination) => Ok(()),
        made => made,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::AtomicBool;

    use bobbin_packager::{PackOptions, pack};

    use super::*;

    /// Two disks with a directory of the application each, two containers on the second, and an archive.
    struct Node(tempfile::TempDir);

    impl Node {
        fn new() -> Node {
            let root = tempfile::tempdir().unwrap();
            let path = |name: &str| root.path().join(name);
            for directory in ["b/application", "a/application", "b/one", "b/two", "tree/bin"] {
                fs::create_dir_all(path(directory)).unwrap();
            }
            fs::write(path("tree/bin/tool"), "#!/bin/sh\n").unwrap();
            let options = PackOptions::new(path("tree"), path("tree.tar.zst"));
            pack(&options, &AtomicBool::new(false), &mut |_| {}).unwrap();
            for container in ["one", "two"] {
                symlink(path("tree.tar.zst"), path("b").join(container).join(PACKED_ENVIRONMENT)).unwrap();
            }
            Node(root)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn unpack(&self, container: &str, order: [&str; 2]) -> Result<PathBuf, EnvironmentError> {
            let directories = order.map(|name| self.path(name).join("application").display().to_string()).join(",");
            let working = self.path("b").join(container);
            unpack_into(&working, &directories, "w1".to_owned())?;
            Ok(fs::canonicalize(working.join("environment")).unwrap())
        }
    }

    #[test]
    fn all_containers_of_a_node_share_one_copy() {
        let node = Node::new();
        let first = node.unpack("one", ["b", "a"]).unwrap();
        assert_eq!(first, fs::canonicalize(node.path("a/application/bobbin-environment")).unwrap());
        assert!(first.join("bin/tool").is_file());
        fs::write(first.join("mark"), "").unwrap();
        assert_eq!(node.unpack("two", ["a", "b"]).unwrap(), first);
        assert_eq!(node.unpack("two", ["a", "b"]).unwrap(), first, "a container that is started again");
        assert!(first.join("mark").is_file() && !node.path("b/application/bobbin-environment").exists());
    }

    #[test]
    fn what_is_wrong_names_archive_node_and_reason() {
        let node = Node::new();
        let packed = fs::read(node.path("tree.tar.zst")).unwrap();
        fs::write(node.path("tree.tar.zst"), &packed[..packed.len() / 2]).unwrap();
        let error = node.unpack("one", ["a", "b"]).unwrap_err();
        let text = crate::session::describe(&error);
        assert!(text.starts_with("tree.tar.zst on w1: unpack the environment: archive /"), "{text}");
        assert!(text.contains("damaged or cut off"), "{text}");
        let left: Vec<_> =
            fs::read_dir(node.path("a/application")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, [node.path("a/application/bobbin-environment.lock")]);
        let error = unpack_into(&node.path("b/one"), "/nowhere/a,/nowhere/b", "w1".to_owned()).unwrap_err();
        assert!(error.to_string().ends_with("can be written: /nowhere/a,/nowhere/b"), "{error}");
    }
}
