//! HDFS: name spaces, and three ways to the bytes of a block.
//!
//! A window is sought by short-circuit, then from the socket of the DataNode on this host, then from other hosts; see
//! `file` for the order and for what follows from each fault.

mod answer;
mod closed;
mod data_node;
mod descriptors;
#[cfg(test)]
mod double;
mod fault;
mod file;
mod name_space;
mod native_error;
mod remote;
mod replica;
mod settings;
mod short_circuit;
mod tree;

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hadoop_wire::config::Configuration;
use hadoop_wire::messages::hdfs::{DatanodeId, LocatedBlock};
use tokio::runtime::Handle;

use crate::error::{Cause, SetUpError};
use crate::place::HdfsPath;

pub(crate) use fault::chain;
pub(crate) use file::HdfsFile;
pub(crate) use name_space::NameSpace;
pub(crate) use native_error::{NativeError, is_access_denied};
pub(crate) use tree::HdfsTree;

use self::closed::ClosedWays;
use self::data_node::DataNodes;
use self::settings::Settings;
use self::short_circuit::ShortCircuit;

/// What all open files of a process share.
#[derive(Debug)]
pub(crate) struct Hdfs {
    runtime: Handle,
    configuration: Configuration,
    user: String,
    settings: Settings,
    own_addresses: BTreeSet<IpAddr>,
    spaces: Mutex<HashMap<String, Arc<NameSpace>>>,
    short_circuit: ShortCircuit,
    data_nodes: DataNodes,
    closed: ClosedWays,
}

/// The work on the reader's runtime ended without a result.
#[derive(Debug, thiserror::Error)]
#[error("the reader's runtime ended the work{}", panic.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
pub(crate) struct Interrupted {
    panic: Option<String>,
}

impl Hdfs {
    /// Reads the configuration; connects to nobody yet.
    pub(crate) fn new(configuration: Configuration, user: Option<String>) -> Result<Hdfs, SetUpError> {
        let runtime = Handle::try_current().map_err(|_| SetUpError::NoRuntime)?;
        let settings = Settings::from_configuration(&configuration)?;
        let user = user.map_or_else(hadoop_client::user, Ok)?;
        let own_addresses = crate::sys::own_addresses().map_err(|source| SetUpError::Interfaces { source })?;
        Ok(Hdfs {
            runtime,
            configuration,
            user,
            settings,
            own_addresses,
            spaces: Mutex::default(),
            short_circuit: ShortCircuit::default(),
            data_nodes: DataNodes::default(),
            closed: ClosedWays::default(),
        })
    }

    /// Whom we act as, for messages.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// The name space that a path is on.
    pub(crate) fn space(&self, place: &HdfsPath) -> Result<Arc<NameSpace>, Cause> {
        let authority = self.authority(place)?;
        let mut spaces = self.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(space) = spaces.get(&authority) {
            return Ok(space.clone());
        }
        let _runtime = self.runtime.enter();
        let space = Arc::new(NameSpace::new(authority.clone(), &self.configuration, &self.user, &self.runtime)?);
        spaces.insert(authority, space.clone());
        Ok(space)
    }

    fn authority(&self, place: &HdfsPath) -> Result<String, Cause> {
        if !place.authority.is_empty() {
            return Ok(place.authority.clone());
        }
        let default = self.configuration.default_file_system()?;
        if default.scheme == "hdfs" && !default.authority.is_empty() {
            return Ok(default.authority);
        }
        Err("fs.defaultFS is not an hdfs: URL, so a path without a host means nothing; write hdfs://host/path".into())
    }

    /// Does the work on the reader's runtime, whatever thread waits for it; a panic in it is an error here.
    pub(crate) async fn drive<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Interrupted> {
        self.runtime.spawn(work).await.map_err(|error| {
            let panic = error.try_into_panic().ok().map(|payload| match payload.downcast::<String>() {
                Ok(text) => *text,
                Err(payload) => {
                    payload.downcast::<&str>().map_or_else(|_| "panic".to_owned(), |text| (*text).to_owned())
                }
            });
            Interrupted { panic }
        })
    }

    /// The DataNode of this host, where it holds the block.
    fn local_node<'a>(&self, block: &'a LocatedBlock) -> Option<&'a DatanodeId> {
        let ours = |node: &&DatanodeId| node.ip_address.parse().is_ok_and(|ip| self.own_addresses.contains(&ip));
        block.locations.iter().map(|location| &location.id).find(ours)
    }
}
