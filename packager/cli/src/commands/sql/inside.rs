//! A query inside an application: the driver is the application's own command, so it joins instead of submitting.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bobbin::Session;
use bobbin_appmaster::spec::SECRET_HADOOP;
use bobbin_appmaster::text_secret;
use bobbin_link::Identity;
use hadoop_wire::config::Configuration;
use hadoop_wire::credentials::Credentials;

use super::parts;
use super::script::Script;
use super::{answer, cluster_base, hdfs_reader, planner};
use crate::args::SqlArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Guarded;
use crate::place::Place;
use crate::progress::Display;
use crate::{cluster, roles};
use bobbin::yarn::Cluster;

/// The application that this process is part of.
pub struct Application {
    address: String,
    identity: Identity,
    configuration: Configuration,
}

/// What the application's variables lead to; `None` outside of any application.
pub fn application() -> Result<Option<Application>, Failure> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (Some(address), Some(path)) = (variable("BOBBIN_MASTER_ADDRESS"), variable("BOBBIN_CREDENTIALS")) else {
        return Ok(None);
    };
    let path = PathBuf::from(path);
    let unusable = |error: &(dyn std::error::Error + 'static)| {
        let reason = crate::exit::chain(error);
        Failure::new(Exit::Input, format!("read the application's credentials {}: {reason}", path.display()))
    };
    let bytes = std::fs::read(&path).map_err(|error| unusable(&error))?;
    let credentials = Credentials::decode(bytes).map_err(|error| unusable(&error))?;
    let identity = roles::identity(&credentials).map_err(|error| unusable(&error))?;
    let properties = text_secret(&credentials, SECRET_HADOOP).map_err(|error| unusable(&error))?;
    let properties: BTreeMap<String, String> = serde_json::from_str(properties).map_err(|error| unusable(&error))?;
    Ok(Some(Application { address, identity, configuration: Configuration::from_map(properties) }))
}

/// Runs the query in the application.
pub async fn run(
    args: &SqlArgs,
    script: &Script,
    explicit: bool,
    (application, guarded): (Application, &Guarded),
) -> Result<Exit, Failure> {
    let user = cluster::user()?;
    let home = Cluster::new(&application.configuration, &user)?.home_url();
    let reader = hdfs_reader(application.configuration, &user)?;
    let planner = planner(args, reader, cluster_base(explicit, home));
    let output = parts::requested(args, Place::Cluster { explicit })?;
    let mut remaining = script.start(&planner, args.common.quiet, output);
    let mut next = remaining.next().await?;
    let session = Session::attach(&application.address, &application.identity, "sql", planner.clone()).await;
    let session = session.map_err(|error| Failure::of(Exit::Unavailable, &error))?;
    let display = Display::new(&args.common);
    let asked = answer::Asked { args, display: &display, unfinished: guarded.output() };
    while let Some(work) = next {
        remaining.done(asked.answer(&session, &work).await?);
        next = remaining.next().await?;
    }
    Ok(Exit::Code(0))
}
