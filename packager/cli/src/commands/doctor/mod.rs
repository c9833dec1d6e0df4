//! `doctor`: tries each thing that a submission needs, in order, and says what works, what does not, why, and what to do.

mod data;
mod finding;
mod yarn;

use std::collections::BTreeMap;

use bobbin::yarn::{Cluster, executable};
use hadoop_wire::config::Configuration;
use serde_json::Value;

use crate::args::DoctorArgs;
use crate::exit::{self, Exit, Failure};
use crate::{cluster, terminal, units};
use finding::{Finding, Report};

/// Runs the subcommand. It succeeds when everything that a submission needs works.
pub async fn run(args: DoctorArgs) -> Result<Exit, Failure> {
    let mut report = Report::new(args.json);
    examine(&args, &mut report).await;
    if args.json {
        terminal::say(format_args!(
            "{:#}",
            Value::from(report.findings().iter().map(Finding::json).collect::<Vec<_>>())
        ));
    }
    Ok(report.exit())
}

async fn examine(args: &DoctorArgs, report: &mut Report) {
    check_executable(report);
    let Some(configuration) = check_configuration(args, report) else { return };
    let Some(cluster) = check_cluster(&configuration, report) else { return };
    let nodes = yarn::check(&cluster, &args.queue, report).await;
    let hosts: BTreeMap<String, String> = nodes.unwrap_or_default();
    data::check(&cluster, &configuration, args.path.as_deref(), &hosts, report).await;
    yarn::check_logs(&cluster, &configuration, report).await;
}

fn check_executable(report: &mut Report) {
    let name = "executable";
    match executable() {
        Ok(path) => {
            let size = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
            report.ok(name, format!("{}, {}, is what containers run", path.display(), units::bytes(size)));
        }
        Err(error) => report.failed(name, Exit::Input, &exit::chain(&error), "run the yarn-submit that was installed"),
    }
}

fn check_configuration(args: &DoctorArgs, report: &mut Report) -> Option<Configuration> {
    let name = "configuration";
    match cluster::configuration(&args.common) {
        Ok(configuration) => {
            let mut files: Vec<&str> = configuration.keys().filter_map(|key| configuration.source(key)).collect();
            files.sort_unstable();
            files.dedup();
            report.ok(name, files.join(", "));
            Some(configuration)
        }
        Err(failure) => {
            let advice =
                "set HADOOP_CONF_DIR to a directory with the cluster's core-site.xml, hdfs-site.xml and yarn-site.xml";
            report.failed(name, failure.exit(), &failure.to_string(), advice);
            None
        }
    }
}

fn check_cluster(configuration: &Configuration, report: &mut Report) -> Option<Cluster> {
    let user = match cluster::user() {
        Ok(user) => user,
        Err(failure) => {
            report.failed("user", failure.exit(), &failure.to_string(), "set HADOOP_USER_NAME");
            return None;
        }
    };
    match Cluster::new(configuration, &user) {
        Ok(cluster) => {
            report.ok("user", format!("{user}, home {}", cluster.home_url()));
            Some(cluster)
        }
        Err(error) => {
            let advice = "check yarn.resourcemanager.address, fs.defaultFS and hadoop.security.authentication";
            report.failed("servers", Exit::Code(error.exit_code()), &exit::chain(&error), advice);
            None
        }
    }
}
