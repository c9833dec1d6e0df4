//! What another process needs to know of a running cluster.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::AttachError;
use super::layout::Layout;
use super::options::ClusterOptions;
use super::{Cluster, Ownership};
use crate::install::Installation;
use crate::process::{Identity, Started};

/// The state file.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    options: ClusterOptions,
    hosts: BTreeMap<String, Identity>,
    daemons: BTreeMap<String, Identity>,
}

impl Cluster {
    /// Writes down which processes there are.
    pub(super) fn save_state(&self) -> io::Result<()> {
        let state = State {
            options: self.options.clone(),
            hosts: self.hosts().into_iter().map(|(host, first)| (host.to_string(), first)).collect(),
            daemons: self.daemons().into_iter().map(|(daemon, process)| (daemon.to_string(), process)).collect(),
        };
        let partial = self.layout.state().with_extension("partial");
        fs::write(&partial, serde_json::to_vec_pretty(&state)?)?;
        fs::rename(partial, self.layout.state())
    }
}

/// The cluster that another process started.
pub(super) fn attach(directory: &Path) -> Result<Cluster, AttachError> {
    let none = |source| AttachError::None { directory: directory.to_owned(), source };
    let layout = Layout { root: directory.canonicalize().map_err(none)? };
    let text = fs::read(layout.state()).map_err(none)?;
    let state: State = serde_json::from_slice(&text)
        .map_err(|source| AttachError::State { directory: directory.to_owned(), source })?;
    let installation = Installation::fetch(state.options.version).map_err(AttachError::Install)?;
    let mut cluster = Cluster::planned(layout, state.options, installation, Ownership::Detached);
    for (name, first) in state.hosts {
        let Ok(host) = name.parse() else { continue };
        if let Some(descriptor) = first.open() {
            cluster.entrances.insert(host, Arc::new(descriptor));
        }
        cluster.running().hosts.insert(host, Started::recorded(first));
    }
    for (name, process) in state.daemons {
        if let Ok(daemon) = name.parse() {
            cluster.running().daemons.insert(daemon, Started::recorded(process));
        }
    }
    Ok(cluster)
}
